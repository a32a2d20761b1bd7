import { globSync } from 'node:fs'
import { expect, test } from 'vitest'

import { membersOf, unionOf } from './members.ts'
import { root, textOf } from './pages.ts'

/** One row of a page's table: the names of its first cell, and the whole of it. */
interface Row {
  readonly names: readonly string[]
  readonly text: string
}

/** The rows of the tables below a heading, as far as the next heading; of a whole page without one. */
function rowsOf(page: string, heading?: string): Row[] {
  const text = textOf(page)
  const from = heading === undefined ? 0 : text.indexOf(`\n${heading}\n`)
  if (from < 0) throw new Error(`${page} has no heading ${heading}`)
  const section = heading === undefined ? text : text.slice(from + heading.length + 2).split(/^#{1,6} /m)[0]!
  return [...section.matchAll(/^\|(.*?)\|(.*)\|$/gm)].map(([, first = '', rest = '']) => ({
    names: [...first.matchAll(/`([\w.]+)/g)].map((match) => match[1]!),
    text: rest,
  }))
}

/** Each: page, heading, source, interface. */
const TABLES: readonly (readonly [string, string | undefined, string, string])[] = [
  ['docs/reference/options.md', '## OAuth2Client', 'client/options.ts', 'OAuth2ClientOptions'],
  ['docs/reference/options.md', '## Grants', 'grants/options.ts', 'GrantsOptions'],
  ['docs/guides/single-token.md', undefined, 'session.ts', 'OAuth2SessionOptions'],
  ['docs/guides/calling-apis.md', '## Getting a token without fetch', 'model/token-source.ts', 'TokenOptions'],
  ['docs/guides/calling-apis.md', '## Other sources of tokens', 'fetch/fetch-with.ts', 'FetchWithOptions'],
  ['docs/guides/refresh-policy.md', undefined, 'refresh/policy.ts', 'RefreshPolicy'],
  ['docs/guides/worker.md', '## Options', 'refresh/worker.ts', 'KeepFreshOptions'],
  ['docs/guides/worker.md', '## Statistics', 'refresh/worker.ts', 'KeepFreshStats'],
  ['docs/guides/testing.md', '## The scripted provider', 'testing/scripted-provider.ts', 'ScriptedProviderOptions'],
  ['docs/operations/status.md', undefined, 'refresh/status.ts', 'GrantStatus'],
  ['docs/reference/events.md', undefined, 'model/events.ts', 'GrantEvents'],
  ['docs/reference/import.md', '## Options of importToken', 'model/import-token.ts', 'ImportOptions'],
  ['docs/guides/connect.md', '## Options', 'web/options.ts', 'ConnectHandlerOptions'],
  ['docs/reference/connect-pages.md', '## JSON for programs', 'web/connections.ts', 'Connection'],
  ['docs/reference/connect-pages.md', '## What connected receives', 'web/options.ts', 'ConnectedLogin'],
  ['docs/recipes/undici.md', '## Options of withGrant', 'undici/with-grant.ts', 'WithGrantOptions'],
  ['docs/operations/telemetry.md', '## Options', 'telemetry/instrument.ts', 'InstrumentOptions'],
  ['docs/stores-sqlite.md', undefined, 'stores/sqlite/index.ts', 'SqliteStoreOptions'],
  ['docs/providers/your-own.md', '## Refreshes', 'model/provider.ts', 'ProviderRefresh'],
]

const describes = TABLES.map(([page, heading, file, name]) => ({ page, heading, file, name }))

test.each(describes)('the tables of $page have every member of $name', ({ page, heading, file, name }) => {
  const members = membersOf(file, name).map((member) => member.name)
  expect(members.length).toBeGreaterThan(0)
  const named = rowsOf(page, heading).flatMap(({ names }) => names.map((each) => each.split('.')[0]))
  expect(members.filter((member) => !named.includes(member))).toEqual([])
})

/** Headings that have the table of one interface and no other. */
const alone = describes.filter(({ heading, name }) => heading !== undefined && name !== 'ScriptedProviderOptions')

test.each(alone)('the table "$heading" of $page names nothing that $name lacks', ({ page, heading, file, name }) => {
  const members = membersOf(file, name).map((member) => member.name)
  const named = rowsOf(page, heading).flatMap(({ names }) => names.map((each) => each.split('.')[0]!))
  expect(named.filter((each) => !members.includes(each))).toEqual([])
})

test.each(describes)(
  'the tables of $page have the defaults of $name that are numbers',
  ({ page, heading, file, name }) => {
    const wrong = membersOf(file, name).filter((member) => {
      const [number] = /^\d[\d_]*/.exec(member.default ?? '') ?? []
      if (number === undefined) return false
      const shown = Number(number.replaceAll('_', ''))
      const row = rowsOf(page, heading).find(({ names }) => names.includes(member.name))
      return !row?.text.replaceAll(',', '').includes(String(shown))
    })
    expect(wrong).toEqual([])
  },
)

test('docs/providers/your-own.md has every member of a provider, in a table', () => {
  const named = rowsOf('docs/providers/your-own.md').flatMap(({ names }) => names)
  const members = membersOf('model/provider.ts', 'Provider').map(({ name }) => name)
  // These are explained at its beginning and in their own table.
  const own = ['name', 'refresh']
  expect(members.filter((member) => !named.includes(member) && !own.includes(member))).toEqual([])
})

test('docs/reference/connect-pages.md has every code of a page, with the status that the sources give it', () => {
  const codes = unionOf('web/pages/content.ts', 'PageCode')
  expect(codes).toContain('state_mismatch')
  const rows = rowsOf('docs/reference/connect-pages.md', '## Responses').filter(({ names }) => names.length > 0)
  expect(rows.map(({ names }) => names[0]!).toSorted()).toEqual(codes.toSorted())
  const sources = globSync('src/web/*.ts', { cwd: root }).map(textOf).join('\n')
  const given = [...sources.matchAll(/status: (\d{3}), code: '(\w+)'|(\w+): \[(\d{3}), '\w+'\]/g)]
  expect(given.length).toBeGreaterThan(15)
  const wrong = given.filter(([, status, code, key, of]) => {
    const row = rows.find(({ names }) => names[0] === (code ?? key))
    return !row?.text.includes(status ?? of!)
  })
  expect(wrong.map(([found]) => found)).toEqual([])
})

test('docs/reference/events.md has every cause of a refresh', () => {
  const causes = unionOf('model/events.ts', 'RefreshCause')
  expect(causes).toContain('keep_alive')
  const named = rowsOf('docs/reference/events.md', '## refreshed').flatMap(({ names }) => names)
  expect(causes.filter((cause) => !named.includes(cause))).toEqual([])
})

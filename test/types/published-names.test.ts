import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { type Declarations, ENTRIES, publishedDeclarations, readDeclarations, root } from './setup.ts'

let texts: ReadonlyMap<string, string>
let files: ReadonlyMap<string, Declarations>

beforeAll(async () => {
  texts = await publishedDeclarations()
  files = new Map([...texts].map(([name, code]) => [name, readDeclarations(name, code)]))
}, 60_000)

const fileOf = (name: string): Declarations => {
  const file = files.get(name)
  if (file === undefined) throw new Error(`No published file '${name}'.`)
  return file
}

/** What kind of thing a name of a file is, wherever it is declared. */
function kindOf(file: string, name: string): string {
  const { declared, imported } = fileOf(file)
  const from = imported.get(name)
  const kind = from === undefined ? declared.get(name) : kindOf(from.file, from.name)
  if (kind === undefined) throw new Error(`'${name}' of ${file} is declared nowhere.`)
  return kind
}

const VALUES = new Set(['class', 'function', 'const', 'let', 'enum', 'namespace'])

const exportsOf = (entry: string) =>
  [...fileOf(`${entry}.d.ts`).exported].map(([alias, { name, typeOnly }]) => {
    const kind = kindOf(`${entry}.d.ts`, name)
    return { alias, kind, value: VALUES.has(kind) && !typeOnly }
  })

test('every subpath exports these names and no others', async () => {
  const lines = [...ENTRIES].flatMap(([subpath, entry]) => [
    subpath,
    ...exportsOf(entry)
      .map(({ alias, kind, value }) => `  ${value || !VALUES.has(kind) ? kind : `type of ${kind}`} ${alias}`)
      .sort(),
    '',
  ])
  // A change here is a change of the public API: `vitest run test/types -u` writes it down, the change log says it.
  await expect(lines.join('\n')).toMatchFileSnapshot('published-names.txt')
})

test.each([...ENTRIES])('the values of %s are those that its declarations export', async (_subpath, entry) => {
  const loaded = (await import(join(root, `src/${entry}.ts`))) as object
  expect(
    exportsOf(entry)
      .filter(({ value }) => value)
      .map(({ alias }) => alias)
      .sort(),
  ).toEqual(Object.keys(loaded).sort())
})

/** Types that exported types refer to and that no application needs by name. */
const PARTS = new Set(['AnswerWays', 'Awaitable', 'ClientSecret', 'Maybe', 'Page', 'Params', 'RefusalMeaning'])

test('nothing is published that no entry exports', () => {
  const exported = new Set([...ENTRIES.values()].flatMap((entry) => exportsOf(entry).map(({ alias }) => alias)))
  const declared = [...files.values()].flatMap(({ declared: names }) => [...names.keys()])
  expect(declared.filter((name) => !exported.has(name)).sort()).toEqual([...PARTS].sort())
})

test('no published declaration names what is internal, needs a package or shows a private member', () => {
  for (const [name, code] of texts) {
    expect(code, name).not.toMatch(
      /\b(LiveGrants?|GrantCache|CachedGrant|InternalClient|ClientContext|RefreshContext|Emitter|Sealer|ServerDirectory|StoreClock)\b/,
    )
    expect(code, name).not.toMatch(/@internal|^\s+private |import\(/m)
  }
  // Who imports the telemetry has its peer dependency.
  const packages = [...files].flatMap(([name, file]) => file.packages.map((each) => `${name}: ${each}`))
  expect(packages).toEqual(['telemetry/index.d.ts: @opentelemetry/api'])
})

test('a session is made of a client, as the declarations say it, in one way', () => {
  const [, body = ''] = /class OAuth2Session[^{]*\{([\s\S]*?)\n\}/.exec([...texts.values()].join('\n')) ?? []
  expect([...body.matchAll(/constructor\(.*/g)].map(([text]) => text)).toEqual([
    'constructor(client: OAuth2Client, options?: OAuth2SessionOptions);',
  ])
})

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

import { pages, root, textOf } from './pages.ts'

/** The free names of the pages' code. Whatever else a block uses it must import or declare. */
const PRELUDE = `
declare const env: Record<string, string | undefined>
declare const clientId: string, clientSecret: string, redirectUri: string
declare const user: { id: string; email: string }
declare const request: Request
declare const redirect: (url: string) => Response
declare const webSession: { pending?: import('evergrant').PendingLogin }
declare const store: import('evergrant').GrantStore
declare const keys: import('evergrant').KeyRing
declare const google: import('evergrant').OAuth2Client, acme: import('evergrant').OAuth2Client
declare const grants: import('evergrant').Grants<{ google: import('evergrant').OAuth2Client; acme: import('evergrant').OAuth2Client }>
declare const session: import('evergrant').OAuth2Session
declare const url: string
declare const load: () => Promise<import('evergrant').Token>
declare const sendMail: (subject: string, text: string) => Promise<void>
declare const save: (token: import('evergrant').Token) => Promise<void>
declare const waitUntil: (work: Promise<unknown>) => void
declare const myStore: () => import('evergrant').GrantStore
declare const test: (name: string, run: () => Promise<void>) => void
// What the pages say of other people's packages is no more than this.
declare module 'ky' { const ky: { create(options: { fetch: typeof fetch }): unknown }; export default ky }
declare module '@octokit/core' { export class Octokit { constructor(options: { request: { fetch: typeof fetch } }) } }
declare module 'axios' { const axios: { create(config: { adapter: 'fetch'; env: { fetch: typeof fetch } }): unknown }; export default axios }
declare module 'openapi-fetch' { export default function createClient(options: { baseUrl: string; fetch: (request: Request) => Promise<Response> }): unknown }
declare module 'better-sqlite3' { const Database: new (path: string) => import('evergrant/sqlite').SqliteDatabase; export default Database }
`

/** A page's TypeScript, each block a module of its own. Lines stay where they are on the page. */
function modulesOf(page: string): string[] {
  const modules: string[][] = []
  let fence: string | undefined
  let module: string[] | undefined
  for (const [index, line] of textOf(page).split('\n').entries()) {
    const [, marks, language = ''] = /^\s*(```+)(\w*)/.exec(line) ?? []
    if (marks !== undefined && fence === undefined) {
      fence = marks
      if (language === 'ts' || language === 'typescript') {
        module = Array.from({ length: index + 1 }, () => '')
        modules.push(module)
      }
    } else if (marks !== undefined && marks === fence) fence = module = undefined
    else module?.push(line)
  }
  return modules.map((lines) => lines.join('\n'))
}

/** Where the library's names lead: to its sources, not to what was built of them. */
function sources(): Record<string, string[]> {
  const { name, exports } = JSON.parse(textOf('package.json')) as { name: string; exports: Record<string, string> }
  const entries = Object.entries(exports).map(([subpath, target]) => [
    name + subpath.slice(1),
    [join(root, target.replace('./dist/', 'src/').replace(/\.js$/, '.ts'))],
  ])
  return { ...Object.fromEntries(entries), '@evergrant/provider': [join(root, 'provider/src/index.ts')] }
}

/** Type-checks modules with one compiler process, and answers its complaints. */
function typeCheck(modules: ReadonlyMap<string, string>): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'evergrant-docs-'))
  try {
    for (const [name, text] of modules) writeFileSync(join(folder, name), text)
    const { compilerOptions } = JSON.parse(textOf('tsconfig.base.json')) as { compilerOptions: object }
    const options = {
      ...compilerOptions,
      noEmit: true,
      composite: false,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      rewriteRelativeImportExtensions: false,
      allowImportingTsExtensions: true,
      noUnusedLocals: false,
      noUnusedParameters: false,
      paths: sources(),
    }
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: [...modules.keys()] }),
    )
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.', '--pretty', 'false'], {
      cwd: folder,
      encoding: 'utf8',
    })
    return []
  } catch (error) {
    const { stdout } = error as { stdout?: string }
    if (stdout === undefined) throw error
    return stdout.split('\n').filter((line) => line.includes('error'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('the TypeScript of every page compiles against the library', () => {
  const blocks = pages.flatMap((page) =>
    modulesOf(page).map((text, index) => [`${page.replaceAll('/', '__')}.${index}.ts`, text] as const),
  )
  expect(blocks.length).toBeGreaterThan(10)
  // One that is wrong goes along, to see that what is wrong is found.
  const wrong =
    "\nimport { Grants } from 'evergrant'\nnew Grants({ klients: {} })\nimport { nothing } from 'evergrant'\n"
  const complaints = typeCheck(new Map([['prelude.d.ts', PRELUDE], ['wrong.ts', wrong], ...blocks]))
  const [expected, unexpected] = [true, false].map((known) =>
    complaints.filter((line) => line.startsWith('wrong.ts') === known),
  )
  // As `page(line,column)`: the lines are the page's own.
  expect(unexpected?.map((line) => line.replaceAll('__', '/').replace(/\.\d+\.ts\(/, '('))).toEqual([])
  expect(expected?.map((line) => /\((\d+)/.exec(line)?.[1])).toEqual(['3', '4'])
})

/** A page without its code, where nothing is a link or a heading. */
const proseOf = (page: string): string => textOf(page).replace(/^\s*(```+)[^\n]*\n[\s\S]*?^\s*\1\s*$/gm, '')

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of proseOf(page).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    const slug = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-')
    let anchor = slug
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`
    anchors.add(anchor)
  }
  return anchors
}

const linksOf = (page: string): string[] =>
  [
    ...proseOf(page)
      .replace(/`[^`\n]*`/g, '')
      .matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g),
  ].map((match) => match[1]!)

test.each(pages)('every link of %s leads somewhere', (page) => {
  const broken = linksOf(page).filter((link) => {
    if (/^[a-z][a-z+.-]*:/i.test(link)) return false
    const [path = '', anchor] = decodeURI(link).split('#')
    const target = path === '' ? join(root, page) : join(root, dirname(page), path)
    if (!existsSync(target)) return true
    return anchor !== undefined && !anchorsOf(relative(root, target)).has(anchor)
  })
  expect(broken).toEqual([])
})

const sourceOf = (file: string): string => readFileSync(join(root, 'src', file), 'utf8')

/** The members of a type or interface as its source declares them. */
function membersOf(file: string, name: string): string[] {
  const source = sourceOf(file)
  const start = source.search(new RegExp(`^export (type|interface) ${name}\\b`, 'm'))
  const [body = ''] = source.slice(start).split(/\n\n|\n\}/)
  const union = [...body.matchAll(/^\s+\| '(\w+)'/gm)].map((match) => match[1]!)
  return union.length > 0 ? union : [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map((match) => match[1]!)
}

test('every error code and every reason has its heading', () => {
  const codes = [...sourceOf('model/errors.ts').matchAll(/^ {2}readonly code = '(\w+)'/gm)].map((match) => match[1]!)
  expect(codes.length).toBeGreaterThan(10)
  const [errors, reasons] = [anchorsOf('docs/errors.md'), anchorsOf('docs/reconnect.md')]
  const callback = membersOf('model/errors.ts', 'CallbackErrorCode')
  expect(callback).toContain('state_mismatch')
  expect([...codes, ...callback].filter((code) => !errors.has(code))).toEqual([])
  expect(membersOf('model/errors.ts', 'ReauthorizationReason').filter((reason) => !reasons.has(reason))).toEqual([])
})

test.each([
  ['client/options.ts', 'OAuth2ClientOptions'],
  ['grants/options.ts', 'GrantsOptions'],
  ['session.ts', 'OAuth2SessionOptions'],
  ['model/token-source.ts', 'TokenOptions'],
  ['refresh/policy.ts', 'RefreshPolicy'],
  ['refresh/status.ts', 'GrantStatus'],
  ['model/events.ts', 'GrantEvents'],
  ['stores/sqlite/index.ts', 'SqliteStoreOptions'],
  ['testing/scripted-provider.ts', 'ScriptedProviderOptions'],
])('docs/library.md names every member of %s %s', (file, name) => {
  const members = membersOf(file, name)
  expect(members.length).toBeGreaterThan(0)
  const page = textOf('docs/library.md')
  expect(members.filter((member) => !new RegExp(`\\b${member}\\b`).test(page))).toEqual([])
})

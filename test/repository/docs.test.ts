import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

import { anchorsOf, linksOf, proseOf } from './links.ts'
import { sourceOf, unionOf } from './members.ts'
import { pages, root, sourceEntries, textOf } from './pages.ts'
import { samplesOf } from './samples.ts'

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
declare const userOf: (request: Request) => Promise<string | undefined>
declare const connect: import('evergrant/web').Connect<unknown>
declare const waitUntil: (work: Promise<unknown>) => void
declare const myStore: () => import('evergrant').GrantStore
declare const test: (name: string, run: () => Promise<void>) => void
// What the pages say of other people's packages is no more than this.
declare module 'ky' { const ky: { create(options: { fetch: typeof fetch }): unknown }; export default ky }
declare module '@octokit/core' { export class Octokit { constructor(options: { request: { fetch: typeof fetch } }) } }
declare module 'axios' { const axios: { create(config: { adapter: 'fetch'; env: { fetch: typeof fetch } }): unknown }; export default axios }
declare module 'openapi-fetch' { export default function createClient(options: { baseUrl: string; fetch: (request: Request) => Promise<Response> }): unknown }
declare module 'client-oauth2' {
  interface Token { accessToken: string; refreshToken: string; expires: Date; expiresIn(duration: number | Date): Date; expired(): boolean; refresh(): Promise<Token>; sign(request: { method: string; url: string }): { headers: Record<string, string> } }
  export default class ClientOAuth2 {
    constructor(options: { clientId: string; clientSecret: string; accessTokenUri: string; authorizationUri: string; redirectUri: string; scopes: string[] })
    createToken(access: string, refresh: string, type: string, data: object): Token
  }
}
declare module 'arctic' {
  interface OAuth2Tokens { data: object; accessToken(): string; accessTokenExpiresAt(): Date; hasRefreshToken(): boolean; refreshToken(): string }
  export class Google { constructor(clientId: string, clientSecret: string, redirectUri: string); refreshAccessToken(refreshToken: string): Promise<OAuth2Tokens> }
}
declare module 'passport-oauth2' {
  type Done = (error: unknown, user?: object) => void
  export default class OAuth2Strategy {
    constructor(options: { authorizationURL: string; tokenURL: string; clientID: string; clientSecret: string; callbackURL: string }, verify: (accessToken: string, refreshToken: string, profile: object, done: Done) => void)
  }
}
declare module 'passport-oauth2-refresh' {
  const refresh: { use(name: string, strategy: object): void; requestNewAccessToken(name: string, refreshToken: string, done: (error: unknown, accessToken: string, refreshToken?: string) => void): void }
  export default refresh
}
declare module 'next-auth' {
  type JWT = Record<string, unknown>
  export default function NextAuth(config: { callbacks: { jwt(of: { token: JWT; account?: object | null }): Promise<JWT> } }): { handlers: object; auth: () => Promise<object | null> }
}
declare module 'better-auth' {
  export function betterAuth(options: { socialProviders?: { google: { clientId: string; clientSecret: string; accessType: 'offline'; prompt: 'consent' } }; account?: { encryptOAuthTokens: boolean } }): {
    $context: Promise<{ secretConfig: object }>
    api: { getAccessToken(options: { body: { userId: string; accountId: string } }): Promise<{ accessToken: string }> }
  }
}
declare module 'better-auth/crypto' { export function symmetricDecrypt(options: { key: object; data: string }): Promise<string> }
declare module 'express' {
  import type { IncomingMessage, ServerResponse } from 'node:http'
  export interface Request extends IncomingMessage { originalUrl: string; session: { user?: string } }
  export interface Response extends ServerResponse { json(body: unknown): this }
  type Next = (error?: unknown) => void
  interface Application {
    use(handler: ((req: Request, res: Response, next: Next) => unknown) | ((error: unknown, req: Request, res: Response, next: Next) => unknown)): this
    get(path: string, handler: (req: Request, res: Response) => unknown): this
  }
  export default function express(): Application
}
declare module 'fastify' {
  import type { IncomingMessage } from 'node:http'
  export interface FastifyRequest { raw: IncomingMessage; originalUrl: string; body: unknown; session: { user?: string } }
  export interface FastifyReply { code(status: number): FastifyReply; header(name: string, value: unknown): FastifyReply; send(body?: unknown): FastifyReply }
  interface Instance {
    hasContentTypeParser(type: string | RegExp): boolean
    removeContentTypeParser(type: string | RegExp | (string | RegExp)[]): void
    addContentTypeParser(type: string, options: { parseAs: 'string'; bodyLimit?: number }, parse: (request: FastifyRequest, body: string, done: (error: Error | null, body?: unknown) => void) => void): void
    all(path: string, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>): Instance
    get(path: string, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>): Instance
    register(plugin: (instance: Instance) => Promise<void>): PromiseLike<undefined>
    setErrorHandler(handler: (error: Error, request: FastifyRequest, reply: FastifyReply) => unknown): Instance
  }
  export default function Fastify(): Instance
}
declare module 'hono' {
  export interface Context { req: { raw: Request }; get(name: 'user'): { id: string } | undefined; text(text: string): Response }
  export class Hono { all(path: string, handler: (c: Context) => Promise<Response>): this; get(path: string, handler: (c: Context) => Promise<Response>): this }
}
declare module 'h3' {
  export interface H3Event { req: Request; context: { user?: { id: string } } }
  export class H3 { all(path: string, handler: (event: H3Event) => unknown): this; get(path: string, handler: (event: H3Event) => unknown): this }
}
declare module '@sveltejs/kit' { export interface RequestEvent { request: Request; locals: { user?: { id: string } } } }
declare module 'astro' { export interface APIContext { request: Request; locals: { user?: { id: string } } } }
declare module 'react-router' { export const redirectDocument: (url: string) => Response }
declare module 'better-sqlite3' { const Database: new (path: string) => import('evergrant/sqlite').SqliteDatabase; export default Database }
`

/** Type-checks modules with one compiler process, and returns its errors. */
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
      paths: Object.fromEntries(Object.entries(sourceEntries()).map(([name, file]) => [name, [file]])),
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
    samplesOf(page)
      .filter(({ language }) => language === 'ts')
      .map(({ text }, index) => [`${page.replaceAll('/', '__')}.${index}.ts`, text] as const),
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
}, 120_000)

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

test('every error code and every reason has its heading', () => {
  const codes = [...sourceOf('model/errors.ts').matchAll(/^ {2}readonly code = '(\w+)'/gm)].map((match) => match[1]!)
  expect(codes.length).toBeGreaterThan(10)
  const [errors, reasons] = [anchorsOf('docs/errors.md'), anchorsOf('docs/reconnect.md')]
  const callback = unionOf('model/errors.ts', 'CallbackErrorCode')
  expect(callback).toContain('state_mismatch')
  expect([...codes, ...callback].filter((code) => !errors.has(code))).toEqual([])
  expect(unionOf('model/errors.ts', 'ReauthorizationReason').filter((reason) => !reasons.has(reason))).toEqual([])
})

test('docs/library.md leads to every page of the documentation', () => {
  const listed = new Set(linksOf('docs/library.md').map((link) => `docs/${link.split('#')[0]}`))
  const documentation = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/library.md')
  expect(documentation.filter((page) => !listed.has(page))).toEqual([])
})

test('the log messages that pages quote are those of the library', () => {
  const sources = globSync('src/**/*.ts', { cwd: root })
    .map((file) => textOf(file))
    .join('\n')
  const quoted = pages.flatMap((page) => [...proseOf(page).matchAll(/`(evergrant: [^`]+)`/g)].map((match) => match[1]!))
  expect(quoted.length).toBeGreaterThan(3)
  expect(quoted.filter((message) => !sources.includes(message))).toEqual([])
})

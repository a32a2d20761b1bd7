import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { format, inspect } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { Grants, importToken, OAuth2Session, type GrantEvents, type Logger } from '../../../src/index.ts'
import { generateKey, keyRing } from '../../../src/seal/index.ts'
import { sqliteStore } from '../../../src/stores/sqlite/index.ts'
import type { ScriptedAnswer, ScriptedRequest } from '../../../src/testing/index.ts'
import { HOUR, rejection, stage } from '../setup.ts'

/** Hard to overlook, and with characters that encodings change. */
const CLIENT_SECRET = 'planted/client+secret=%é"\\'

/** Number of characters of a secret that must not be shown. */
const PART = 20

const EVENTS = [
  'refreshed',
  'refresh_failed',
  'reauthorization_required',
  'save_delayed',
  'disconnected',
  'client_suspect',
] as const satisfies readonly (keyof GrantEvents)[]

/** Everything that a program may print, by where it came from. */
class Output {
  readonly #parts: [where: string, text: string][] = []

  readonly logger: Logger = {
    debug: (...line) => this.add('log', line),
    info: (...line) => this.add('log', line),
    warn: (...line) => this.add('log', line),
    error: (...line) => this.add('log', line),
  }

  add(where: string, value: unknown): void {
    this.#parts.push([where, typeof value === 'string' ? value : printed(value)])
  }

  /** An error with all that hangs on it. */
  addError(where: string, error: unknown): void {
    for (let each = error, depth = 0; each instanceof Error && depth < 20; each = each.cause, depth += 1) {
      this.add(`${where}, error ${depth}`, `${String(each)} ${each.message} ${each.stack ?? ''} ${printed(each)}`)
      for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(each))) {
        if (name !== 'token') this.add(`${where}, error ${depth}, ${name}`, value as unknown)
      }
    }
  }

  text(where?: string): string {
    return this.#parts
      .filter(([place]) => where === undefined || place === where)
      .map(([place, text]) => `${place}: ${text}`)
      .join('\n')
  }

  /** Where a secret came out, in whatever form. */
  leaks(secrets: Iterable<string>): string[] {
    return [...secrets].flatMap((secret) =>
      this.#parts
        .filter(([, text]) => forms(secret).some((form) => parts(form).some((part) => text.includes(part))))
        .map(([where, text]) => `${secret} in ${where}: ${text}`),
    )
  }
}

function printed(value: unknown): string {
  const deep = { depth: 20, showHidden: true, getters: true, breakLength: Number.POSITIVE_INFINITY } as const
  return [inspect(value), inspect(value, deep), format('%o %s', value, value), JSON.stringify(value) ?? ''].join('\n')
}

/** What is cut short is a secret still: its beginning or its end is as bad as the whole. */
function parts(form: string): string[] {
  return form.length <= PART ? [form] : [form.slice(0, PART), form.slice(-PART)]
}

function forms(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ '': secret }).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ]
}

/** What a provider that says too much writes back. */
const echoes: Readonly<Record<string, (request: ScriptedRequest) => string>> = {
  form: ({ params }) => `Can't read ${params.toString()}`,
  values: ({ params }) => `Can't use ${[...params.values()].join(', ')}`,
  header: ({ headers }) => `Don't know ${headers.get('authorization')}`,
  JSON: ({ params }) => JSON.stringify(Object.fromEntries(params)),
}

const echo = (request: ScriptedRequest): string =>
  Object.values(echoes)
    .map((each) => each(request))
    .join('\n')

const refusals = Object.entries(echoes).flatMap(([what, write]): [string, ScriptedAnswer][] => [
  [
    `a refusal that repeats the request's ${what}`,
    (request) => ({ status: 400, body: { error: 'invalid_scope', error_description: write(request) } }),
  ],
  [`an error code that repeats the request's ${what}`, (request) => ({ status: 400, body: { error: write(request) } })],
])

const failures: Readonly<Record<string, ScriptedAnswer>> = {
  ...Object.fromEntries(refusals),
  'a page that repeats the request': (request) => ({ body: `<html>${echo(request)}</html>` }),
  'a response without access token': async (_request, byRules) => {
    const { access_token: _token, ...others } = (await (await byRules()).json()) as Record<string, string>
    return { body: others }
  },
  'a connection that breaks, with the request in its error': (request) => {
    const cause = Object.assign(new Error(echo(request)), { code: 'ECONNRESET', body: echo(request) })
    throw Object.assign(new TypeError(`fetch failed: ${echo(request)}`, { cause }), { request: echo(request) })
  },
  'a status of trouble': (request) => ({ status: 503, body: echo(request) }),
}

/** A stage on which everything secret is collected as it passes by, and everything that can be printed too. */
async function watched() {
  const output = new Output()
  const secrets = new Set([CLIENT_SECRET])
  const on = stage()
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await on.scripted.fetch(input, init).finally(() => {
      const { headers, params } = on.scripted.requests.at(-1)!
      for (const name of ['code', 'code_verifier', 'refresh_token', 'client_secret', 'token', 'client_assertion']) {
        for (const value of params.getAll(name)) secrets.add(value)
      }
      const [, credentials] = headers.get('authorization')?.split(' ') ?? []
      if (credentials !== undefined) secrets.add(credentials)
    })
    const text = await response.clone().text()
    for (const [, token] of text.matchAll(/"(?:access|refresh|id)_token":"([^"]+)"/g)) secrets.add(token!)
    return response
  }
  const { client } = stage({ client: { clientSecret: CLIENT_SECRET, fetch, logger: output.logger, clock: on.clock } })
  const folder = await mkdtemp(join(tmpdir(), 'evergrant-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const { clock } = on
  const store = sqliteStore(join(folder, 'grants.db'), { clock })
  const keys = keyRing(`first:${generateKey()}`)
  const unfinished: Promise<unknown>[] = []
  const background = (work: Promise<unknown>): void => void unfinished.push(work)
  const grants = new Grants({ clients: { acme: client }, store, keys, clock, background, logger: output.logger })
  for (const name of EVENTS) grants.on(name, (event) => output.add(`event ${name}`, event))
  const logIn = async () => {
    const pending = await grants.connect('acme', 'ann')
    for (const secret of [pending.state, pending.codeVerifier!]) secrets.add(secret)
    return { pending, callback: on.scripted.login(pending.url) }
  }
  const files = async () => {
    for (const name of await readdir(folder)) output.add(`file ${name}`, await readFile(join(folder, name), 'latin1'))
  }
  return { ...on, client, clock, files, grants, keys, logIn, output, secrets, store, unfinished }
}

test('nothing secret comes out of a grant’s whole life: log, events, statuses, inspected objects, the file', async () => {
  const on = await watched()
  const { client, clock, files, grants, logIn, output, scripted, secrets } = on
  const { pending, callback } = await logIn()
  const { session } = await grants.complete(callback, pending, { subject: 'ann' })
  await session.fetch(scripted.resource)
  await session.refresh()
  await clock.advance(HOUR)
  await session.fetch(scripted.resource)
  await client.userInfo(await session.token())
  await client.introspect(await session.accessToken())
  output.add('status', await session.status())
  for await (const status of grants.list()) output.add('list', status)
  for (const [name, value] of Object.entries({ client, grants, keys: on.keys, session, store: on.store }))
    output.add(`inspect ${name}`, value)
  output.add('inspect access token', inspect(await session.token(), { depth: 9, showHidden: true }))
  await files()
  scripted.revoke(await session.accessToken())
  await rejection(session.refresh())
  output.add('status of the ended grant', await session.status())
  await files()
  await session.disconnect()
  await Promise.all(on.unfinished)
  await grants.close()
  await files()

  expect(secrets.size).toBeGreaterThanOrEqual(10)
  expect(output.leaks(secrets)).toEqual([])
  // What says nothing leaks nothing: the log has to be worth something.
  const log = output.text('log')
  for (const part of [
    'token request (authorization_code)',
    'token request (refresh_token)',
    'revocation',
    'acme',
    '200',
    '400',
  ]) {
    expect(log).toContain(part)
  }
  expect(output.text('event refreshed')).toContain('manual')
  expect(output.text('file grants.db')).toContain('acme')
})

test.each(Object.entries(failures))('nothing secret comes out when a refresh meets %s', async (_what, answer) => {
  const { clock, files, grants, output, scripted, secrets } = await watched()
  const issued = scripted.issue({ scope: 'read' })
  for (const secret of [issued.access_token, issued.refresh_token!]) secrets.add(secret)
  const session = await grants.save('acme', 'ann', issued)
  await clock.advance(HOUR)
  scripted.script(answer)
  output.addError('refresh', await rejection(session.token()))
  output.addError('again', await rejection(session.token()))
  output.add('status', await session.status())
  await files()
  expect(secrets.size).toBeGreaterThanOrEqual(4)
  expect(output.leaks(secrets)).toEqual([])
  expect(output.text('log')).toContain('token request (refresh_token)')
  expect(output.text('event refresh_failed')).not.toBe('')
  await grants.close()
})

test.each(Object.entries(failures))('nothing secret comes out when a code exchange meets %s', async (_what, answer) => {
  const { grants, logIn, output, scripted, secrets } = await watched()
  const { pending, callback } = await logIn()
  scripted.script(answer)
  output.addError('log-in', await rejection(grants.complete(callback, pending, { subject: 'ann' })))
  output.addError('once more', await rejection(grants.complete(callback, pending, { subject: 'ann' })))
  expect(secrets.size).toBeGreaterThanOrEqual(5)
  expect(output.leaks(secrets)).toEqual([])
  expect(output.text('log')).toContain('token request (authorization_code)')
  await grants.close()
})

test('nothing secret comes out of a callback that repeats the login’s secrets as its error', async () => {
  const { grants, logIn, output, secrets } = await watched()
  const { pending } = await logIn()
  const text = `${pending.state} ${pending.codeVerifier} ${CLIENT_SECRET}`
  const query = new URLSearchParams({
    state: pending.state,
    iss: pending.issuer!,
    error: text,
    error_description: text,
  })
  output.addError('callback', await rejection(grants.complete(query, pending, { subject: 'ann' })))
  const other = new URLSearchParams({ state: `${pending.state}x`, code: 'the planted code' })
  output.addError('mismatch', await rejection(grants.complete(other, pending, { subject: 'ann' })))
  expect(output.text()).toContain('AuthorizationError')
  expect(output.leaks([...secrets, 'the planted code'])).toEqual([])
  await grants.close()
})

test('the error of an unusable response hides its refresh token from everything that prints', async () => {
  const { client, clock, scripted } = stage()
  const token = importToken(scripted.issue(), { now: clock.now() })
  scripted.script({ body: { refresh_token: 'planted-rotated-token' } })
  const error = await rejection(client.refresh(token))
  expect((error['token'] as typeof token).refreshToken).toBe('planted-rotated-token')
  expect(printed(error)).not.toContain('planted-rotated-token')
  expect(Object.keys(error)).not.toContain('token')
})

test('a token shows its secrets to JSON, which keeps it, and to nothing that prints', async () => {
  const token = importToken({
    access_token: 'planted-access',
    refresh_token: 'planted-refresh',
    id_token: 'planted-id',
    other_secret: 'planted-extra',
  })
  const { client } = stage()
  const session = new OAuth2Session(client, { token })
  for (const value of [token, await session.token(), { token }, [token], session, client]) {
    expect(inspect(value, { depth: 20, showHidden: true })).not.toContain('planted')
    expect(format('%s %o', value, value)).not.toContain('planted')
  }
  expect(Object.prototype.toString.call(token)).toBe('[object OAuth2Token]')
  expect(JSON.stringify([session, client, await session.status()])).not.toContain('planted')
  expect(JSON.stringify(token)).toMatch(/planted-access.*planted-refresh/)
})

test('a logger that throws fails nothing', async () => {
  const fail = () => {
    throw new Error('the log is full')
  }
  const on = stage({ client: { logger: { debug: fail, info: fail, warn: fail, error: fail } } })
  expect((await on.session({ expires_in: 0 }).fetch(on.scripted.resource)).status).toBe(200)
})

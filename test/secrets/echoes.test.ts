import { expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { TokenRequestError } from '../../src/model/errors.ts'
import type { Token } from '../../src/model/token.ts'
import { until } from '../integration/setup.ts'
import { begin, bytesOf, mint, stage, type Sabotage, type Stage } from './setup.ts'

const json = (body: unknown, status: number, headers: Record<string, string> = {}): Promise<Response> =>
  Promise.resolve(
    new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } }),
  )

/** Headers cannot contain every character of a text. */
const headerText = (text: string): string => text.replaceAll(/[^\x20-\x7e]|["\\]/g, '.')

/** Servers, proxies and drivers that repeat what they were sent, in every place that they can. */
const sabotages: Readonly<Record<string, Sabotage>> = {
  'a refusal whose description repeats the request': ({ secrets }) =>
    json({ error: 'invalid_request', error_description: secrets.join(' ') }, 400),
  'an ended grant whose description repeats the request': ({ secrets }) =>
    json({ error: 'invalid_grant', error_description: `${'long '.repeat(50)}${secrets.join(' ')}` }, 400),
  'an error code that repeats the request': ({ secrets }) => json({ error: secrets.join(' ') }, 400),
  'an error object that repeats the request': ({ secrets }) =>
    json({ error: { type: 'bad', message: secrets.join(' ') }, errors: [{ code: secrets.join(' ') }] }, 403),
  'a 200 with an error that repeats the request': ({ secrets }) =>
    json({ error: 'slow_down', error_description: secrets.join(' ') }, 200),
  'a challenge that repeats the request': ({ everything }) =>
    json({}, 401, {
      'www-authenticate': `Bearer error="invalid_token", error_description="${headerText(everything)}"`,
    }),
  'a server error that repeats the request': ({ everything }) =>
    Promise.resolve(new Response(`<h1>${everything}</h1>`, { status: 500, headers: { 'retry-after': '1' } })),
  'a redirect that repeats the request': ({ everything }) =>
    Promise.resolve(
      new Response(null, {
        status: 302,
        headers: { location: `https://elsewhere.example/?${encodeURIComponent(everything)}` },
      }),
    ),
  'a page that repeats the request': ({ everything }) =>
    Promise.resolve(new Response(`<p>${everything}</p>`, { headers: { 'content-type': 'text/html' } })),
  'a response without an access token that repeats the request': ({ everything }) =>
    json({ token_type: 'Bearer', message: everything, refresh_token: '' }, 200),
  'a network error that repeats the request': ({ everything, url, init }) =>
    Promise.reject(
      Object.assign(
        new TypeError(`fetch failed: ${everything}`, {
          cause: Object.assign(
            new AggregateError([new Error(everything), new Error('x', { cause: everything })], everything, {
              cause: new Error(`write ${everything}`),
            }),
            { code: 'ECONNRESET', request: { url, init, everything } },
          ),
        }),
        { request: { url, init }, [Symbol('body')]: everything },
      ),
    ),
  'a connection error that repeats the request': ({ everything }) =>
    Promise.reject(
      new TypeError('fetch failed', {
        cause: Object.assign(new Error(everything), { code: 'ECONNREFUSED', name: everything }),
      }),
    ),
  'a network error that is a text': ({ everything }) => {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors typescript/only-throw-error
    throw everything
  },
}

/** Runs every operation of a client, and each must meet the sabotage. Returns those that did not fail. */
async function everyOperation(onStage: Stage, sabotage: Sabotage, name: string, token: Token): Promise<string[]> {
  const { client, grants, out, provider } = onStage
  const session = await mint(onStage, name, { expires_in: 0 })
  const { pending, callback } = await begin(onStage, name)
  onStage.sabotage = sabotage
  const discovering = new OAuth2Client({
    provider: { name: 'acme', server: provider.url },
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    fetch: onStage.fetch,
    logger: onStage.logger,
  })
  const unharmed: string[] = []
  const run = async (operation: string, work: () => Promise<unknown>): Promise<void> => {
    const { sabotaged } = onStage
    const outcome = await onStage.run(`${operation}: ${name}`, work)
    expect(onStage.sabotaged, `${operation} meets ${name}`).toBeGreaterThan(sabotaged)
    if (!(outcome instanceof Error)) unharmed.push(operation)
  }
  await run('token', () => session.token())
  // A refresh token that has ended or may be consumed is not sent again.
  await onStage.run(`refresh: ${name}`, () => session.refresh())
  await run('client.refresh', () => client.refresh(token))
  await run('complete', () => grants.complete(callback, pending, { subject: name }))
  await run('introspect', () => client.introspect(token))
  await run('introspect the refresh token', () => client.introspect(token, 'refresh_token'))
  await run('userInfo', () => client.userInfo(token))
  await run('revoke', () => client.revoke(token))
  await run('client credentials', () => client.clientCredentials())
  await run('discovery', () => discovering.clientCredentials())
  out('status', await grants.status('acme', name))
  const before = onStage.sabotaged
  await grants.disconnect('acme', name)
  await until(() => onStage.sabotaged > before, 'the revocation was tried')
  onStage.sabotage = undefined
  return unharmed
}

async function directToken(onStage: Stage): Promise<Token> {
  const { pending, callback } = await begin(onStage, 'somebody')
  return onStage.client.exchangeCode(callback, pending)
}

test('no secret that a server, a proxy or a driver repeats is shown', async () => {
  const onStage = await stage()
  const token = await directToken(onStage)
  const unharmed: Record<string, string[]> = {}
  for (const [name, sabotage] of Object.entries(sabotages)) {
    const operations = await everyOperation(onStage, sabotage, name, token)
    if (operations.length > 0) unharmed[name] = operations
  }
  // A revocation needs only a 200.
  expect(unharmed).toEqual({
    'a 200 with an error that repeats the request': ['revoke'],
    'a page that repeats the request': ['revoke'],
    'a response without an access token that repeats the request': ['revoke'],
  })
  expect(onStage.lines).toBeGreaterThan(100)
  expect(onStage.leaks()).toEqual([])
  expect(onStage.planted.leaksIn(bytesOf(onStage.file))).toEqual([])
})

/** Rejects each operation with texts that are made of each secret that it sends. */
async function refuseWith(onStage: Stage, textsOf: (secret: string) => readonly string[]): Promise<void> {
  const { client, run } = onStage
  const token = await directToken(onStage)
  const operations: Readonly<Record<string, () => Promise<unknown>>> = {
    refresh: () => client.refresh(token),
    introspect: () => client.introspect(token, 'refresh_token'),
    userInfo: () => client.userInfo(token),
    revoke: () => client.revoke(token),
    'client credentials': () => client.clientCredentials(),
  }
  for (const [name, operation] of Object.entries(operations)) {
    let sent: readonly string[] = []
    onStage.sabotage = ({ secrets }) => {
      sent = secrets
      return json({ error: 'x' }, 400)
    }
    await run(name, operation)
    expect(sent).not.toEqual([])
    for (const text of sent.flatMap(textsOf)) {
      onStage.sabotage = () =>
        json({ error: 'x', error_description: text }, 400, {
          'www-authenticate': `Bearer error="x", error_description="${headerText(text)}"`,
        })
      expect(await run(name, operation)).toBeInstanceOf(TokenRequestError)
    }
  }
}

test('nor does a description that has a secret in another form', async () => {
  const onStage = await stage()
  await refuseWith(onStage, (secret) => [
    secret,
    `"${secret}"`,
    encodeURIComponent(secret),
    new URLSearchParams({ token: secret }).toString(),
    JSON.stringify({ token: secret }),
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('base64url'),
    `${secret}${secret}`,
  ])
  expect(onStage.leaks()).toEqual([])
})

test('nor does the rest of a secret at which a long description was cut off', async () => {
  const onStage = await stage()
  await refuseWith(onStage, (secret) => [260, 270, 280].map((place) => '.'.repeat(place) + secret))
  expect(onStage.leaks()).toEqual([])
})

/** A refresh that is rejected with a text that names one of the grant's tokens. */
async function refuseNaming(label: 'access' | 'refresh' | 'ID'): Promise<readonly string[]> {
  const onStage = await stage()
  const session = await mint(onStage, 'alice', { expires_in: 0 })
  const [secret] = onStage.planted.values(`minted ${label} token`)
  onStage.sabotage = () => json({ error: 'invalid_scope', error_description: `The token ${secret!} is too old` }, 400)
  expect(await onStage.run('token', () => session.token())).toBeInstanceOf(TokenRequestError)
  onStage.out('status', await onStage.grants.status('acme', 'alice'))
  return onStage.leaks()
}

test('the error of a refresh does not show a refresh token that the provider names', async () => {
  expect(await refuseNaming('refresh')).toEqual([])
})

test.for(['access', 'ID'] as const)(
  'the error of a refresh does not show the %s token that the provider names',
  async (label) => {
    expect(await refuseNaming(label)).toEqual([])
  },
)

test('the response or error of a resource server goes to the caller, and to no log', async () => {
  const onStage = await stage()
  const { planted, provider } = onStage
  const session = await mint(onStage, 'alice')
  onStage.sabotage = ({ everything }) => json({ you: everything }, 200)
  const response = await session.fetch(provider.metadata.userinfo_endpoint)
  expect(await response.text()).toContain(planted.values('minted access token')[0])
  onStage.sabotage = ({ everything }) => Promise.reject(new TypeError(everything))
  await expect(session.fetch(provider.metadata.userinfo_endpoint)).rejects.toThrow(TypeError)
  expect(onStage.leaks()).toEqual([])
})

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  OAuth2Client,
  OAuth2Session,
  ProviderUnavailableError,
  TokenRequestError,
  TokenResponseError,
} from '../../../src/index.ts'
import type { ScriptedAnswer } from '../../../src/testing/index.ts'
import { rejection, stage, wayNames, ways } from '../setup.ts'

const html = (status: number): ScriptedAnswer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><html><body><h1>It broke</h1></body></html>',
})

describe.each(wayNames)('at %s', (way) => {
  const failure = async (answer: ScriptedAnswer) => {
    const on = stage()
    on.scripted.script(answer)
    return rejection(ways[way]!(on))
  }

  test('a refusal shows status, code and description, as members and in its message', async () => {
    const body = { error: 'invalid_scope', error_description: 'Scope admin is not allowed for this app.' }
    const error = await failure({ status: 422, body })
    expect(error).toBeInstanceOf(TokenRequestError)
    expect(error).toMatchObject({ status: 422, error: 'invalid_scope', errorDescription: body.error_description })
    for (const part of ['422', 'invalid_scope', body.error_description, 'scripted'])
      expect(error.message).toContain(part)
    expect(error.retryable).toBe(false)
  })

  test.each([
    'invalid_request',
    'invalid_client',
    'unauthorized_client',
    'token_expired',
    'missing_code',
    'mismatching_state',
  ])('the code %s stays what the provider said, not something that sounds like it', async (code) => {
    const error = await failure({ status: 400, body: { error: code } })
    expect(error).toBeInstanceOf(TokenRequestError)
    expect(error).toMatchObject({ name: 'TokenRequestError', code: 'token_request_error', error: code })
    expect(error.message).not.toMatch(/client_id parameter/i)
  })

  test.each<[what: string, body: object, error: string, description: string | undefined]>([
    ['an object', { error: { code: 'quota', message: 'Too much' } }, 'quota', 'Too much'],
    [
      'an object with a code and a type',
      { error: { type: 'OAuthException', message: 'Bad code', code: 100 } },
      '100',
      'Bad code',
    ],
    ['an object with a type', { error: { type: 'OAuthException', message: 'Bad code' } }, 'OAuthException', 'Bad code'],
    [
      'a list of objects',
      { errors: [{ errorType: 'validation', message: 'No such field' }] },
      'validation',
      'No such field',
    ],
    ['a list of strings', { errors: ['not_today'] }, 'not_today', undefined],
  ])('an error that is %s is read', async (_what, body, code, description) => {
    const error = await failure({ status: 400, body })
    expect(error).toBeInstanceOf(TokenRequestError)
    expect(error).toMatchObject({ status: 400, error: code })
    expect(error['errorDescription']).toBe(description)
  })

  test.each<[what: string, answer: ScriptedAnswer, status: number]>([
    ['a page of HTML under 404', html(404), 404],
    ['a page of HTML under 403', html(403), 403],
    ['nothing under 400', { status: 400 }, 400],
    ['JSON that says nothing under 401', { status: 401, body: {} }, 401],
    ['an empty error under 400', { status: 400, body: { error: '' } }, 400],
  ])(
    '%s is a refusal whose reason can’t be read: its status says what there is to say',
    async (_what, answer, status) => {
      const error = await failure(answer)
      expect(error).toBeInstanceOf(TokenRequestError)
      expect(error).toMatchObject({ status, retryable: true })
      expect('error' in error).toBe(false)
      expect(error.message).toContain(`status ${status}`)
      expect(error.message).toContain('no readable error')
    },
  )

  test.each<[what: string, answer: ScriptedAnswer, problem: string]>([
    ['a page of HTML', html(200), 'unreadable'],
    ['nothing', { body: '' }, 'unreadable'],
    ['null', { body: 'null' }, 'unreadable'],
    ['a list', { body: '[]' }, 'unreadable'],
    ['a word', { body: '"ok"' }, 'unreadable'],
    ['a number', { body: '0' }, 'unreadable'],
    ['JSON cut short', { body: '{"access_token":"abc' }, 'unreadable'],
    ['an object without token', { body: { ok: true } }, 'no_access_token'],
    ['a token that is a number', { body: { access_token: 5 } }, 'no_access_token'],
    ['a token that is empty', { body: { access_token: '' } }, 'no_access_token'],
    ['a token with a line break', { body: { access_token: 'a\nb' } }, 'invalid'],
  ])('%s with status 200 is an unusable response, and the error says so', async (_what, answer, problem) => {
    const error = await failure(answer)
    expect(error).toBeInstanceOf(TokenResponseError)
    expect(error).toMatchObject({ status: 200, problem })
    expect(error.message).toMatch(/cannot be used: it/)
    expect(error.message).not.toContain('<')
  })

  test.each([500, 502, 503, 504])(
    'status %i with a page of HTML is a provider that is not there now',
    async (status) => {
      const error = await failure(html(status))
      expect(error).toBeInstanceOf(ProviderUnavailableError)
      expect(error).toMatchObject({ status, retryable: true })
      expect(error.message).toContain(`status ${status}`)
    },
  )

  test('a status of failure is believed, also when there is a token in the body', async () => {
    const body = { access_token: 'not to be used', token_type: 'Bearer', expires_in: 3600 }
    expect(await failure({ status: 400, body })).toMatchObject({ name: 'TokenRequestError', status: 400 })
    expect(await failure({ status: 503, body })).toMatchObject({ name: 'ProviderUnavailableError', status: 503 })
  })

  test('status 429 says when to come back', async () => {
    const error = await failure({ status: 429, headers: { 'retry-after': '120' }, body: 'slow down' })
    expect(error).toBeInstanceOf(ProviderUnavailableError)
    expect(error).toMatchObject({ status: 429, retryable: true, retryAfterMs: 120_000 })
    expect(error.message).toContain('120 s')
  })

  test('a redirect is named, and not followed', async () => {
    const error = await failure({ status: 302, headers: { location: 'https://provider.example/login' } })
    expect(error).toMatchObject({ name: 'ProviderUnavailableError', status: 302 })
    expect(error.message).toContain('redirect')
  })

  test('a connection that fails has the system’s reason in its cause', async () => {
    const error = await failure('unreachable')
    expect(error).toBeInstanceOf(ProviderUnavailableError)
    expect(error.cause).toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNREFUSED' } })
    expect(error.message).toContain('https://provider.example')
  })
})

test('the caller of a session gets the provider’s own error, not one that stands for it', async () => {
  const { scripted, session } = stage()
  scripted.script({ status: 400, body: { error: 'invalid_scope', error_description: 'No' } })
  const error = await rejection(session({ expires_in: 0 }).fetch(scripted.resource))
  expect(error).toBeInstanceOf(TokenRequestError)
  expect(error).toMatchObject({ status: 400, error: 'invalid_scope', errorDescription: 'No' })
})

test('the caller of a session gets the code of the failure in the error, the event and the status', async () => {
  const { clock, scripted, session } = stage()
  const held = session({ expires_in: 0 })
  const told: unknown[] = []
  held.on('refresh_failed', (event) => void told.push(event))
  scripted.script({ status: 400, body: { error: 'invalid_scope' } })
  await rejection(held.token())
  expect(told).toEqual([expect.objectContaining({ code: 'invalid_scope', retryable: false, at: clock.now() })])
  expect((await held.status()).lastError).toMatchObject({ code: 'invalid_scope', at: clock.now(), count: 1 })
})

test('the caller of a session gets the system’s code if a real connection is refused', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  const client = new OAuth2Client({
    provider: { name: 'gone', server: { token_endpoint: `http://127.0.0.1:${port}/token` } },
    clientId: 'client-id',
    clientSecret: 'client-secret',
  })
  const session = new OAuth2Session(client, {
    token: { access_token: 'old', refresh_token: 'old-refresh', expires_in: 0 },
  })
  const error = await rejection(session.token())
  expect(error).toBeInstanceOf(ProviderUnavailableError)
  expect(error).toMatchObject({ retryable: true, maybeProcessed: false })
  expect(error.cause).toMatchObject({ cause: { code: 'ECONNREFUSED' } })
})

import { describe, expect, test } from 'vitest'
import { importToken, TokenRequestError, type Provider } from '../../src/index.ts'
import type { ScriptedAnswer } from '../../src/testing/index.ts'
import { entries, HOUR, rejection, stage, wayNames, ways } from './setup.ts'

describe.each(wayNames)('at %s', (way) => {
  const ask = async (provider: Partial<Provider>, ...answers: readonly ScriptedAnswer[]) => {
    const on = stage({ provider })
    on.scripted.script(...answers)
    return { token: await ways[way]!(on), now: on.clock.now() }
  }

  test('Facebook’s form in plain text, with `expires` for the lifetime, is a token', async () => {
    const { token, now } = await ask(
      {},
      {
        headers: { 'content-type': 'text/plain; charset=UTF-8' },
        body: 'access_token=EAAC%2Burlencoded&expires=5183999',
      },
    )
    expect(token).toMatchObject({ accessToken: 'EAAC+urlencoded', tokenType: 'bearer' })
    expect(token.expiresAt).toBe(now + 5_183_999_000)
  })

  test('Facebook’s JSON is a token like any other', async () => {
    const { token, now } = await ask({}, { body: { access_token: 'EAAC', token_type: 'bearer', expires_in: 60 } })
    expect(token).toMatchObject({ accessToken: 'EAAC', expiresAt: now + 60_000 })
  })

  test('Fitbit’s list of errors becomes the error that it means, and the next response is a token', async () => {
    const on = stage()
    on.scripted.script(
      {
        status: 400,
        body: { errors: [{ errorType: 'invalid_grant', message: 'Refresh token invalid' }], success: false },
      },
      { body: { access_token: 'fitbit', refresh_token: 'another' } },
    )
    const error = await rejection(ways[way]!(on))
    expect(error).toBeInstanceOf(TokenRequestError)
    expect(error).toMatchObject({ status: 400, error: 'invalid_grant', errorDescription: 'Refresh token invalid' })
    expect(await ways[way]!(on)).toMatchObject({ accessToken: 'fitbit', refreshToken: 'another', tokenType: 'bearer' })
  })

  test('MailChimp’s `scope: null` changes no scope, and its `expires_in: 0` is an end only where there is something to renew by', async () => {
    const { token, now } = await ask({}, { body: { access_token: 'mc', expires_in: 0, scope: null } })
    expect(token.accessToken).toBe('mc')
    expect(token.expiresAt).toBe(way === 'a refresh' ? now : undefined)
    expect(token.scope).toEqual(way === 'a refresh' ? ['read'] : undefined)
    expect(token.extra).toBeUndefined()
  })

  test('a response of one provider only, such as MailChimp’s 0 for no expiry, is corrected in the fetch of its client', async () => {
    const on = stage()
    const mending: typeof fetch = async (input, init) => {
      const response = await on.scripted.fetch(input, init)
      if (new Request(input).url !== 'https://provider.example/token') return response
      const body = (await response.json()) as Record<string, unknown>
      return Response.json(body['expires_in'] === 0 ? { ...body, expires_in: 3600 } : body)
    }
    on.scripted.script({ body: { access_token: 'mc', expires_in: 0 } })
    const { client, clock } = stage({ client: { fetch: mending } })
    expect((await ways[way]!({ ...on, client })).expiresAt).toBe(clock.now() + HOUR)
  })

  test.each([['missing'], [null], ['']])('Weibo’s and Douban’s token type (%j) is bearer', async (type) => {
    const { token } = await ask({}, { body: { access_token: 'wb', ...(type !== 'missing' && { token_type: type }) } })
    expect(token).toMatchObject({ accessToken: 'wb', tokenType: 'bearer' })
  })

  test('Plentymarkets’ members in camel case are a token with lifetime and refresh token', async () => {
    const { token, now } = await ask(
      {},
      {
        body: {
          accessToken: 'ecUN1r8KhJewMCdLAmpHOdZ4O0ofXKB9zf6CXK61',
          tokenType: 'Bearer',
          expiresIn: 86_400,
          refreshToken: 'iG2kBGIjcXaRE4xmTVUnv7xwxX7XMcWCHqJmFaSX',
        },
      },
    )
    expect(token).toMatchObject({
      accessToken: 'ecUN1r8KhJewMCdLAmpHOdZ4O0ofXKB9zf6CXK61',
      tokenType: 'bearer',
      refreshToken: 'iG2kBGIjcXaRE4xmTVUnv7xwxX7XMcWCHqJmFaSX',
      expiresAt: now + 86_400_000,
    })
  })

  test.each(['Application Access Token', 'User Access Token'])(
    'eBay’s token type “%s” is bearer, because the provider’s data says so',
    async (type) => {
      const body = { access_token: 'eb', token_type: type, expires_in: 7200 }
      const tokenTypes = ['application access token', 'user access token']
      expect((await ask({ tokenTypes }, { body })).token.tokenType).toBe('bearer')
      await expect(ask({}, { body })).rejects.toMatchObject({ code: 'token_response_error', problem: 'token_type' })
    },
  )

  test('a header of the application’s own reaches the server', async () => {
    const on = stage({
      client: { clientAuth: ({ headers, clientSecret }) => headers.set('x-client-secret', clientSecret ?? '') },
    })
    on.scripted.script(({ headers }, byRules) =>
      headers.get('x-client-secret') === 'client-secret'
        ? byRules()
        : { status: 401, body: { error: 'invalid_client' } },
    )
    expect((await ways[way]!(on)).accessToken).toMatch(/^scripted-access/)
  })

  test('parameters that the provider wants are sent', async () => {
    const on = stage({ provider: { tokenParams: { tenant: 'one' }, refreshParams: { tenant: 'one' } } })
    await ways[way]!(on)
    expect(on.scripted.tokenRequests[0]!.params.get('tenant')).toBe('one')
  })
})

const sent = async (url: string, init?: RequestInit) => {
  const { scripted, session } = stage()
  await session().fetch(scripted.resource + url, init)
  expect(scripted.requests).toHaveLength(1)
  return scripted.requests[0]!
}

test('a token parameter of the caller’s own, as Slack and Instagram took them, is neither added to a request that has none, nor to its body', async () => {
  const get = await sent('')
  expect(new URL(get.url).search).toBe('')
  expect(entries(get.params)).toEqual({})
  const post = await sent('', { method: 'POST', body: new URLSearchParams({ channel: 'general' }) })
  expect(new URL(post.url).search).toBe('')
  expect(entries(post.params)).toEqual({ channel: 'general' })
})

test('a token parameter of the caller’s own, as Slack and Instagram took them, in the URL stays as it is, and the body stays empty', async () => {
  const get = await sent('?access_token=override')
  expect(new URL(get.url).search).toBe('?access_token=override')
  expect(entries(get.params)).toEqual({})
})

test('a token parameter of the caller’s own, as Slack and Instagram took them, in the form stays as it is', async () => {
  const post = await sent('', { method: 'POST', body: new URLSearchParams({ token: 'override' }) })
  expect(entries(post.params)).toEqual({ token: 'override' })
  expect(new URL(post.url).search).toBe('')
})

test('the token of a refresh keeps what the response of a compliance case leaves out', async () => {
  const { client, clock, scripted } = stage()
  scripted.script({ headers: { 'content-type': 'text/plain' }, body: 'access_token=second&expires=60' })
  const before = importToken(scripted.issue({ scope: 'read' }), { now: clock.now() })
  const after = await client.refresh(before)
  expect(after).toMatchObject({ accessToken: 'second', refreshToken: before.refreshToken, scope: ['read'] })
})

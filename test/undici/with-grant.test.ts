import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  ConfigError,
  InsecureTransportError,
  OriginNotAllowedError,
  ReauthorizationRequiredError,
} from '../../src/model/errors.ts'
import { staticSource } from '../../src/fetch/fetch-with.ts'
import { Grants } from '../../src/grants.ts'
import { withGrant } from '../../src/undici/index.ts'
import { rejection } from '../client/setup.ts'
import { HOUR, settled } from '../refresh/setup.ts'
import { closing, openApi, OLD_MS, stage, UNDICI } from './setup.ts'

describe.each(UNDICI)('withGrant with %s', (_name, undici) => {
  const { interceptors, request } = undici

  const FORMS: [string, object | undefined][] = [
    ['an object', Object.freeze({ 'X-Mine': '1' })],
    ['names and values in turn', Object.freeze(['X-Mine', '1'])],
    ['a Headers object', new Headers({ 'x-mine': '1' })],
    ['a Map', new Map([['x-mine', '1']])],
  ]

  test.each(FORMS)('adds the token to headers given as %s', async (_form, headers) => {
    const { api, dispatcher } = await stage(undici)
    const before = inspect(headers)
    const options = Object.freeze({ dispatcher, method: 'POST', body: 'text', headers: headers as never })
    const { body } = await request(`${api.origin}/a?b=c`, options)
    expect(await body.text()).toBe('at-f-0 text')
    await request(`${api.origin}/a?b=c`, options)
    expect(api.seen).toHaveLength(2)
    for (const seen of api.seen) {
      expect(seen).toMatchObject({ method: 'POST', url: '/a?b=c', token: 'at-f-0', headers: { 'x-mine': '1' } })
    }
    expect(inspect(headers)).toBe(before)
  })

  test('sends the token if there are no other headers', async () => {
    const { api, dispatcher } = await stage(undici)
    await request(api.origin, { dispatcher })
    await request(api.origin, { dispatcher, headers: null })
    await request(api.origin, { dispatcher, headers: { authorization: undefined } })
    expect(api.seen.map(({ token }) => token)).toEqual(['at-f-0', 'at-f-0', 'at-f-0'])
  })

  test.each([
    ['an object', { AUTHORIZATION: 'Basic x' }],
    ['names and values in turn', ['x-mine', '1', 'Authorization', 'Basic x']],
    ['a Headers object', new Headers({ authorization: 'Basic x' })],
  ])('rejects an Authorization header of the caller’s, in %s', async (_form, headers) => {
    const { api, dispatcher } = await stage(undici)
    const error = await rejection(request(api.origin, { dispatcher, headers: headers as never }))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).not.toContain('Basic x')
    expect(api.seen).toEqual([])
  })

  test('sends the token to allowed origins only, and not over plain http off loopback', async () => {
    const { api, dispatcher } = await stage(undici)
    const other = await openApi()
    const refused = [
      [other.origin, OriginNotAllowedError],
      ['https://evil.example', OriginNotAllowedError],
      ['http://api.example', InsecureTransportError],
    ] as const
    for (const [origin, error] of refused) {
      await expect(request(`${origin}/`, { dispatcher })).rejects.toBeInstanceOf(error)
      // An earlier permission does not extend to another origin.
      await request(api.origin, { dispatcher })
    }
    expect(other.seen).toEqual([])
    expect(api.seen).toHaveLength(3)
  })

  test('rejects a request with an unknown origin', async () => {
    const { dispatcher } = await stage(undici)
    const failing = (origin: string | undefined): Promise<Error> =>
      new Promise((resolve) => {
        const options = { path: '/', method: 'GET', ...(origin !== undefined && { origin }) }
        dispatcher.dispatch(options, { onRequestStart() {}, onResponseError: (_, error) => resolve(error) })
      })
    expect(await failing(undefined)).toBeInstanceOf(ConfigError)
    expect(await failing('api.example')).toBeInstanceOf(ConfigError)
  })

  test.each(['outside', 'inside'])(
    'sends the token to no other origin with a redirect interceptor %s',
    async (side) => {
      const { agent, api, clock, provider, session } = await stage(undici)
      const other = await openApi()
      const follow = interceptors.redirect({ maxRedirections: 3 })
      const send = withGrant(session)
      const dispatcher = agent.compose(side === 'outside' ? [send, follow] : [follow, send])
      api.answer = ({ url }, response) => {
        const location = { '/stay': '/arrived', '/leave': `${other.origin}/`, '/leave-refused': `${other.origin}/no` }[
          url
        ]
        response.writeHead(location === undefined ? 200 : 302, location === undefined ? {} : { location }).end()
      }
      await request(`${api.origin}/stay`, { dispatcher })
      expect(api.seen.map(({ token, url }) => `${url} ${token}`)).toEqual(['/stay at-f-0', '/arrived at-f-0'])

      const leaving = request(`${api.origin}/leave`, { dispatcher })
      if (side === 'outside') await expect(leaving).rejects.toBeInstanceOf(OriginNotAllowedError)
      else expect((await leaving).statusCode).toBe(200)

      // A 401 from there does not concern a token that was not sent there.
      other.refuses = () => true
      await clock.advance(OLD_MS)
      const refused = settled(clock, request(`${api.origin}/leave-refused`, { dispatcher }))
      if (side === 'outside') await expect(refused).rejects.toBeInstanceOf(OriginNotAllowedError)
      else expect((await refused).statusCode).toBe(401)
      expect(other.seen.map(({ token }) => token)).toEqual(side === 'outside' ? [] : [undefined, undefined])
      expect(provider.redemptions).toBe(0)
    },
  )

  test('waits for one refresh if the token has expired, for any number of requests', async () => {
    const { api, clock, dispatcher, provider } = await stage(undici)
    await clock.advance(2 * HOUR)
    const answers = Array.from({ length: 50 }, () => request(api.origin, { dispatcher }))
    const all = await settled(clock, Promise.all(answers))
    expect(all.map(({ statusCode }) => statusCode)).toEqual(Array(50).fill(200))
    expect(api.seen.map(({ token }) => token)).toEqual(Array(50).fill('at-f-1'))
    expect(provider.redemptions).toBe(1)
  })

  test('does not send a request that was aborted before it had its token', async () => {
    const { api, clock, dispatcher, provider } = await stage(undici)
    const reason = new Error('left')
    await expect(request(api.origin, { dispatcher, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)

    await clock.advance(2 * HOUR)
    let open = (): void => {}
    provider.gate = new Promise((resolve) => (open = resolve))
    const controller = new AbortController()
    const waiting = request(api.origin, { dispatcher, signal: controller.signal })
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)

    // The refresh continues, because it is shared.
    open()
    await settled(clock, request(api.origin, { dispatcher }))
    expect(api.seen.map(({ token }) => token)).toEqual(['at-f-1'])
    expect(provider.redemptions).toBe(1)
  })

  test('fails with the error of a body that breaks during the refresh', async () => {
    const { api, clock, dispatcher } = await stage(undici)
    await clock.advance(2 * HOUR)
    const body = new Readable({ read() {} })
    const sending = request(api.origin, { dispatcher, method: 'POST', body })
    body.destroy(new Error('disk gone'))
    await expect(settled(clock, sending)).rejects.toThrow()
    expect((await settled(clock, request(api.origin, { dispatcher }))).statusCode).toBe(200)
  })

  test('fails with reauthorization_required if the grant has ended, for either kind of handler', async () => {
    const { api, clock, dispatcher, provider } = await stage(undici)
    provider.kill()
    await clock.advance(2 * HOUR)
    await expect(settled(clock, request(api.origin, { dispatcher }))).rejects.toBeInstanceOf(
      ReauthorizationRequiredError,
    )
    const told = new Promise((resolve) => {
      const handler = { onRequestStart() {}, onResponseError: (_: unknown, error: Error) => resolve(error) }
      expect(dispatcher.dispatch({ origin: api.origin, path: '/', method: 'GET' }, handler)).toBe(true)
    })
    expect(await settled(clock, told)).toBeInstanceOf(ReauthorizationRequiredError)
    expect(api.seen).toEqual([])
  })

  test('shows no secret in the error of a request', async () => {
    const { agent, api, dispatcher, session } = await stage(undici)
    api.answer = (_seen, response) => response.destroy()
    const cut = await rejection(request(api.origin, { dispatcher }))
    const headers = { authorization: 'Bearer my-own' }
    const own = await rejection(request(api.origin, { dispatcher, headers }))
    const invalid = await rejection(request(api.origin, { dispatcher, headers: { 'x y': '1' } }))
    for (const error of [cut, own, invalid, agent, dispatcher, session]) {
      expect(inspect(error, { depth: 8, showHidden: true })).not.toMatch(/at-f-0|rt-f-0|my-own|client-secret/)
    }
  })

  test('sends the token of a session whose client has a resolver', async () => {
    const { agent, api, client } = await stage(undici)
    const grants = closing(new Grants({ clients: async () => client }))
    await grants.save('acme', 'alice', { access_token: 'hers', token_type: 'bearer' })
    const dispatcher = agent.compose(withGrant(grants.session('acme', 'alice')))
    await request(api.origin, { dispatcher })
    expect(api.seen.map(({ token }) => token)).toEqual(['hers'])
    await expect(request('https://evil.example', { dispatcher })).rejects.toBeInstanceOf(OriginNotAllowedError)
  })

  test('sends the token of any source to the given origins', async () => {
    const { agent, api, session } = await stage(undici)
    const dispatcher = agent.compose(withGrant(staticSource('fixed'), { origins: [api.origin] }))
    await request(api.origin, { dispatcher })
    expect(api.seen.map(({ token }) => token)).toEqual(['fixed'])
    await expect(request('https://evil.example', { dispatcher })).rejects.toBeInstanceOf(OriginNotAllowedError)
    expect(() => withGrant(staticSource('fixed'))).toThrow(ConfigError)
    expect(() => withGrant(session, { origins: [api.origin] })).toThrow(ConfigError)
    expect(() => withGrant(undefined as never)).toThrow(ConfigError)
  })

  test('passes requests on before the call returns if the token is fresh', async () => {
    const { agent, api, session } = await stage(undici)
    await session.token()
    const passed: string[] = []
    const dispatcher = agent.compose(
      (dispatch) => (options, handler) => {
        passed.push(options.path)
        return dispatch(options, handler)
      },
      withGrant(session),
    )
    const answers = ['/a', '/b'].map((path) => request(api.origin + path, { dispatcher }))
    expect(passed).toEqual(['/a', '/b'])
    await Promise.all(answers)
  })
})

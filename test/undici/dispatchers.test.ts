import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { withGrant } from '../../src/undici/index.ts'
import { settled } from '../refresh/setup.ts'
import { closing, OLD_MS, openSession, stage, UNDICI } from './setup.ts'

describe.each(UNDICI)('withGrant serves %s:', (_name, undici) => {
  const { Client, EventSource, fetch, MockAgent, Pool, request, stream, upgrade } = undici

  test.each([
    ['a Client', Client],
    ['a Pool', Pool],
  ])('%s', async (_kind, Kind) => {
    const { api, clock, session } = await stage(undici)
    api.refuses = (token) => token === 'at-f-0'
    const dispatcher = closing(new Kind(api.origin)).compose(withGrant(session))
    await clock.advance(OLD_MS)
    const { origin } = api
    const { body } = await settled(clock, dispatcher.request({ origin, path: '/', method: 'POST', body: 'mine' }))
    expect(await body.text()).toBe('at-f-1 mine')
  })

  test('a MockAgent, which can’t be paused', async () => {
    const { clock, session } = openSession('https://api.example')
    const agent = closing(new MockAgent())
    agent.disableNetConnect()
    const mock = agent.get('https://api.example')
    const seen: string[] = []
    const reply = ({ headers }: { headers: unknown }): { statusCode: number; data: string } => {
      const token = (headers as { authorization: string }).authorization
      seen.push(token)
      return { statusCode: token === 'Bearer at-f-0' ? 401 : 200, data: token }
    }
    mock
      .intercept({ path: '/' })
      .reply(reply as never)
      .times(2)
    const dispatcher = agent.compose(withGrant(session))
    await session.token()
    await clock.advance(OLD_MS)
    const { body, statusCode } = await settled(clock, request('https://api.example/', { dispatcher }))
    expect([statusCode, await body.text()]).toEqual([200, 'Bearer at-f-1'])
    expect(seen).toEqual(['Bearer at-f-0', 'Bearer at-f-1'])

    mock.intercept({ path: '/young' }).reply(401, 'refused')
    const young = await request('https://api.example/young', { dispatcher })
    expect([young.statusCode, await young.body.text()]).toEqual([401, 'refused'])
  })

  test('fetch, whose bodies are streams for undici', async () => {
    const { api, clock, dispatcher } = await stage(undici)
    api.refuses = (token) => token === 'at-f-0'
    await clock.advance(OLD_MS)
    const posted = await settled(clock, fetch(api.origin, { dispatcher, method: 'POST', body: 'mine' }))
    expect([posted.status, await posted.text()]).toEqual([401, 'refused'])
    api.refuses = (token) => token === 'at-f-1'
    await clock.advance(OLD_MS)
    const got = await settled(clock, fetch(api.origin, { dispatcher, headers: { 'x-mine': '1' } }))
    expect([got.status, await got.text()]).toEqual([200, 'at-f-2 '])
    expect(api.seen.at(-1)!.headers).toMatchObject({ 'x-mine': '1' })
  })

  test('a fetch that is aborted while its 401 is held back', async () => {
    const { api, clock, dispatcher, provider, session } = await stage(undici)
    api.refuses = () => true
    await session.token()
    await clock.advance(OLD_MS)
    let open = (): void => {}
    provider.gate = new Promise((resolve) => (open = resolve))
    const controller = new AbortController()
    const reason = new Error('left')
    const sent = fetch(api.origin, { dispatcher, signal: controller.signal })
    while (provider.underway === 0) await new Promise(setImmediate)
    controller.abort(reason)
    await expect(sent).rejects.toBe(reason)
    open()
    expect(await settled(clock, session.accessToken({ rejected: 'at-f-0' }))).toBe('at-f-1')
    expect(api.seen).toHaveLength(1)
  })

  test('stream', async () => {
    const { api, clock, dispatcher } = await stage(undici)
    api.refuses = (token) => token === 'at-f-0'
    await clock.advance(OLD_MS)
    const target = new PassThrough()
    const read = text(target)
    await settled(
      clock,
      stream(api.origin, { dispatcher, method: 'GET' }, () => target),
    )
    expect(await read).toBe('at-f-1 ')
  })

  test('upgrade', async () => {
    const { api, clock, dispatcher } = await stage(undici)
    const tokens: (string | undefined)[] = []
    api.server.on('upgrade', ({ headers }, socket: Duplex) => {
      tokens.push(headers.authorization)
      const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n'
      socket.end(headers.authorization === 'Bearer at-f-0' ? 'HTTP/1.1 401 Unauthorized\r\n\r\n' : `${upgraded}hello`)
    })
    await clock.advance(OLD_MS)
    const { socket } = await settled(clock, upgrade(api.origin, { dispatcher, protocol: 'echo' }))
    expect(await text(socket)).toBe('hello')
    expect(tokens).toEqual(['Bearer at-f-0', 'Bearer at-f-1'])
  })

  test('EventSource', async () => {
    const { api, dispatcher } = await stage(undici)
    api.answer = ({ token }, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${token}\n\n`)
    }
    const events = closing(new EventSource(api.origin, { dispatcher, node: { dispatcher } }))
    const [event] = (await once(events, 'message')) as [{ data: string }]
    expect(event.data).toBe('at-f-0')
  })
})

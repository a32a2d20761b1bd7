import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import { StoreError } from '../../src/model/errors.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { scriptedProvider } from '../../src/testing/scripted-provider.ts'
import { OAuth2Session } from '../../src/session.ts'
import { deferred } from '../../src/util/async.ts'
import { json } from '../refresh/fake-server.ts'
import { claimedElsewhere, connected, HOUR, key, settled, world, wrapStore } from '../refresh/setup.ts'
import { parentOf, sdk } from './setup.ts'

const OK = { code: SpanStatusCode.UNSET }
const ERROR = { code: SpanStatusCode.ERROR }

test('a refresh is a span inside the wait of the caller who started it, with its token request inside', async () => {
  const { instrument, spans, tracer } = sdk()
  const { clock, process, server } = world()
  const grants = process()
  const session = await connected(grants, server, clock, 0)
  instrument(grants)
  await tracer.startActiveSpan('request', async (span) => {
    await settled(clock, session.token())
    span.end()
  })
  const [wait] = spans('wait')
  const [refresh] = spans('refresh')
  const [request] = spans('token_request')
  expect(spans().map(({ name }) => name)).toEqual([
    'evergrant.token_request',
    'evergrant.refresh',
    'evergrant.wait',
    'request',
  ])
  expect(wait).toMatchObject({
    attributes: {
      'evergrant.client': 'acme',
      'evergrant.cause': 'spent',
      'evergrant.joined': false,
      'evergrant.outcome': 'refreshed',
    },
    status: OK,
    links: [],
  })
  expect(parentOf(wait)).toBe(spans().at(-1)!.spanContext().spanId)
  expect(refresh).toMatchObject({
    kind: SpanKind.INTERNAL,
    attributes: { 'evergrant.client': 'acme', 'evergrant.cause': 'spent', 'evergrant.outcome': 'refreshed' },
    status: OK,
  })
  expect(parentOf(refresh)).toBe(wait!.spanContext().spanId)
  expect(request).toMatchObject({
    kind: SpanKind.CLIENT,
    attributes: {
      'evergrant.client': 'acme',
      'evergrant.grant_type': 'refresh_token',
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'server.address': 'as.example',
      'server.port': 443,
      'url.full': 'https://as.example/token',
    },
    status: OK,
  })
  expect(parentOf(request)).toBe(refresh!.spanContext().spanId)
})

test('callers that join a refresh say so and link to it, from traces of their own', async () => {
  const { instrument, spans, tracer } = sdk()
  const { clock, process, server } = world()
  const grants = process()
  const session = await connected(grants, server, clock, 0)
  instrument(grants)
  const caller = (name: string) =>
    tracer.startActiveSpan(name, async (span) => {
      await session.token()
      span.end()
    })
  await settled(clock, Promise.all([caller('first'), caller('second'), caller('third')]))
  const [refresh, ...others] = spans('refresh')
  expect(others).toEqual([])
  const joined = spans('wait').filter(({ attributes }) => attributes['evergrant.joined'] === true)
  expect(joined).toHaveLength(2)
  for (const span of joined) {
    expect(span.spanContext().traceId).not.toBe(refresh!.spanContext().traceId)
    expect(span.links.map((link) => link.context.spanId)).toEqual([refresh!.spanContext().spanId])
  }
})

test('of two processes, one refreshes; the other waits for it and uses what it stored', async () => {
  const [a, b] = [sdk(), sdk()]
  const { clock, process, server } = world()
  const [first, second] = [process(), process()]
  await connected(first, server, clock, 0)
  a.instrument(first)
  b.instrument(second)
  const gate = deferred()
  server.gate = gate.promise
  const one = first.session('acme', 'f').token()
  await clock.advance(10)
  const other = second.session('acme', 'f').token()
  await clock.advance(500)
  gate.resolve()
  await settled(clock, Promise.all([one, other]))
  expect(a.spans('refresh')[0]).toMatchObject({ attributes: { 'evergrant.outcome': 'refreshed' } })
  expect(a.spans('wait_for_process')).toEqual([])
  const [refresh] = b.spans('refresh')
  expect(refresh).toMatchObject({ attributes: { 'evergrant.outcome': 'stored' }, status: OK })
  expect(b.spans('wait')[0]).toMatchObject({ attributes: { 'evergrant.outcome': 'refreshed' } })
  const [wait] = b.spans('wait_for_process')
  expect(parentOf(wait)).toBe(refresh!.spanContext().spanId)
  expect(b.spans('token_request')).toEqual([])
})

test('a caller that only waits for the store makes no refresh span', async () => {
  const { instrument, spans } = sdk()
  const { clock, process, server } = world()
  await connected(process(), server, clock)
  const grants = process()
  instrument(grants)
  await settled(clock, grants.session('acme', 'f').token())
  await settled(clock, grants.session('acme', 'f').token())
  expect(spans().map(({ name, attributes }) => [name, attributes['evergrant.outcome']])).toEqual([
    ['evergrant.wait', 'current'],
  ])
})

test('a refresh in the background has a trace of its own, linked to the request that started it', async () => {
  const { instrument, spans, tracer } = sdk()
  const { clock, process, server } = world()
  const grants = process()
  const session = await connected(grants, server, clock)
  instrument(grants)
  await clock.advance(HOUR - 60_000)
  await tracer.startActiveSpan('request', async (span) => {
    await session.token()
    span.end()
  })
  await clock.advance(1000)
  const [request] = spans().filter(({ name }) => name === 'request')
  const [refresh] = spans('refresh')
  expect(refresh).toMatchObject({ attributes: { 'evergrant.cause': 'early', 'evergrant.outcome': 'refreshed' } })
  expect(parentOf(refresh)).toBeUndefined()
  expect(refresh!.links.map(({ context }) => context)).toEqual([request!.spanContext()])
  expect(spans('wait')).toEqual([])
})

test('a grant that ended, a failure and a back-off are errors by their codes, without messages', async () => {
  const { instrument, spans } = sdk()
  const { clock, process, server } = world()
  const grants = process()
  const [f, g] = [await connected(grants, server, clock, 0), await connected(grants, server, clock, 0, 'g')]
  instrument(grants)
  server.kill('f')
  await expect(settled(clock, f.token())).rejects.toThrow()
  expect(spans('refresh').at(-1)).toMatchObject({
    attributes: {
      'evergrant.outcome': 'ended',
      'evergrant.reason': 'revoked',
      'error.type': 'reauthorization_required',
    },
    status: ERROR,
  })
  expect(spans('token_request').at(-1)).toMatchObject({
    attributes: { 'http.response.status_code': 400, 'error.type': '400' },
    status: ERROR,
  })
  server.faults.push({ answer: () => json({}, 503) })
  await expect(settled(clock, g.token())).rejects.toThrow()
  expect(spans('refresh').at(-1)).toMatchObject({
    attributes: { 'evergrant.outcome': 'failed', 'error.type': 'provider_unavailable' },
    status: ERROR,
  })
  expect(spans('token_request').at(-1)).toMatchObject({
    attributes: { 'http.response.status_code': 503, 'error.type': '503' },
  })
  expect(spans('wait').at(-1)!.attributes).toMatchObject({
    'evergrant.outcome': 'failed',
    'error.type': 'provider_unavailable',
  })
  await expect(settled(clock, g.token(), 1)).rejects.toThrow()
  expect(spans('refresh').at(-1)).toMatchObject({
    attributes: { 'evergrant.outcome': 'backing_off', 'error.type': 'provider_unavailable' },
    status: ERROR,
  })
  for (const span of spans()) expect([span.status.message, span.events]).toEqual([undefined, []])
})

test('a code that no specification registers is no class of errors', async () => {
  const { instrument, spans } = sdk()
  const { clock, process, server } = world()
  const grants = process()
  const session = await connected(grants, server, clock, 0)
  instrument(grants)
  server.faults.push({ answer: () => json({ error: 'made_up_4711' }, 400) })
  await expect(settled(clock, session.token())).rejects.toThrow()
  expect(spans('refresh')[0]!.attributes['error.type']).toBe('_OTHER')
})

test('a wait that is given up is an error, as is a response that may still arrive', async () => {
  const { instrument, spans } = sdk()
  const { clock, process, server, store } = world()
  const grants = process({ policy: { waitMs: 2000 } })
  await connected(grants, server, clock, 0)
  await claimedElsewhere(store)
  instrument(grants)
  await expect(settled(clock, grants.session('acme', 'f').token())).rejects.toThrow()
  expect(spans('refresh')[0]).toMatchObject({
    attributes: { 'evergrant.outcome': 'failed', 'error.type': 'refresh_timeout' },
    status: ERROR,
  })
  await clock.advance(16_000)
  await expect(settled(clock, grants.session('acme', 'f').token(), 1)).rejects.toThrow()
  expect(spans('refresh').at(-1)).toMatchObject({ attributes: { 'evergrant.outcome': 'busy' }, status: ERROR })
})

test('the worker’s refreshes are spans without a parent', async () => {
  const { instrument, spans } = sdk()
  const { clock, process, server } = world()
  const grants = process()
  await connected(grants, server, clock, 1000)
  instrument(grants)
  const worker = grants.keepFresh()
  await clock.advance(120_000)
  expect(spans('refresh')[0]).toMatchObject({
    attributes: { 'evergrant.cause': 'keep_alive', 'evergrant.outcome': 'refreshed' },
  })
  expect(parentOf(spans('refresh')[0])).toBeUndefined()
  await settled(clock, worker.stop())
})

test('subject and account are in spans only with includeSubject', async () => {
  const { instrument, spans } = sdk()
  const { clock, process, server } = world()
  const grants = process()
  const token = { ...server.issue('f'), expires_at: clock.now() / 1000 }
  const session = await grants.save('acme', 'f', token, { account: 'work' })
  const quiet = instrument(grants)
  await settled(clock, session.refresh())
  expect(JSON.stringify(spans().map(({ attributes }) => attributes))).not.toMatch(/subject|account/)
  quiet.stop()
  instrument(grants, { includeSubject: true })
  await settled(clock, session.refresh())
  for (const name of ['wait', 'refresh', 'token_request'])
    expect(spans(name).at(-1)!.attributes).toMatchObject({ 'evergrant.subject': 'f', 'evergrant.account': 'work' })
})

test('a session that stands alone is instrumented too', async () => {
  const { instrument, spans } = sdk()
  const { clock, makeClient, server } = world()
  const session = new OAuth2Session(makeClient(), { token: { ...server.issue(), expires_at: clock.now() / 1000 } })
  instrument(session)
  await settled(clock, session.token())
  expect(spans('refresh')[0]).toMatchObject({
    attributes: { 'evergrant.client': 'fake', 'evergrant.outcome': 'refreshed' },
  })
})

test('the code exchange of a login is a span inside the request that completes it', async () => {
  const { instrument, spans, tracer } = sdk()
  const scripted = scriptedProvider()
  const client = new OAuth2Client({
    provider: scripted.provider,
    clientId: 'id',
    clientSecret: 'secret',
    redirectUri: 'https://app.example/callback',
    fetch: scripted.fetch,
  })
  const grants = new Grants({ clients: { acme: client } })
  instrument(grants)
  const pending = await grants.connect('acme', 'alice')
  await tracer.startActiveSpan('callback', async (span) => {
    await grants.complete(scripted.login(pending.url), pending, { subject: 'alice' })
    span.end()
  })
  expect(spans('token_request')[0]).toMatchObject({
    attributes: {
      'evergrant.client': 'acme',
      'evergrant.grant_type': 'authorization_code',
      'http.response.status_code': 200,
    },
    status: OK,
  })
  expect(parentOf(spans('token_request')[0])).toBe(spans().at(-1)!.spanContext().spanId)
})

test('after stop() there are no further spans, but those in progress end', async () => {
  const { instrument, spans } = sdk()
  const { clock, process, server } = world()
  const grants = process()
  const session = await connected(grants, server, clock)
  const telemetry = instrument(grants)
  const gate = deferred()
  server.gate = gate.promise
  const first = session.refresh()
  await clock.advance(10)
  telemetry.stop()
  gate.resolve()
  await settled(clock, first)
  await settled(clock, session.refresh())
  expect(spans('refresh')).toHaveLength(1)
  expect(spans('wait')).toHaveLength(1)
})

test('a store’s work is inside the refresh', async () => {
  const { instrument, spans, tracer } = sdk()
  const clock = fakeClock()
  const store = wrapStore(memoryStore({ clock }), async (operation, real) => {
    tracer.startSpan(`store ${operation}`).end()
    return real()
  })
  const { process, server } = world({ clock, store })
  const grants = process()
  const session = await connected(grants, server, clock, 0)
  instrument(grants)
  await settled(clock, session.refresh())
  const refresh = spans('refresh')[0]!.spanContext().spanId
  const inside = spans()
    .filter((span) => parentOf(span) === refresh)
    .map(({ name }) => name)
  expect(inside).toEqual(['store claim', 'evergrant.token_request', 'store commit'])
})

test('a failing store is the class of a failed refresh', async () => {
  const { instrument, spans } = sdk()
  const clock = fakeClock()
  let isDown = false
  const store = wrapStore(memoryStore({ clock }), (operation, real) =>
    isDown && operation === 'claim' ? Promise.reject(new StoreError('down')) : real(),
  )
  const { process, server } = world({ clock, store })
  const grants = process()
  const session = await connected(grants, server, clock, 0)
  instrument(grants)
  isDown = true
  await expect(settled(clock, session.refresh())).rejects.toThrow()
  expect(spans('refresh')[0]!.attributes).toMatchObject({
    'evergrant.outcome': 'failed',
    'error.type': 'store_error',
  })
  expect((await store.read(key())).record?.state).toBe('active')
})

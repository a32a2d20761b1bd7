import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { BodyLook, compileRejected } from '../../src/client/answers/rejected-answers.ts'
import { ConfigError } from '../../src/model/errors.ts'
import type { RejectedAnswer } from '../../src/model/provider.ts'
import { FakeServer, json } from '../refresh/fake-server.ts'
import { API, stage, type Sent } from './setup.ts'

const over = (answer: () => Response) => (sent: Sent) =>
  sent.token === 'at-f-0' ? answer() : new Response('good', { status: 200 })

const REJECTED: [string, RejectedAnswer[], () => Response][] = [
  ['a status', [{ status: 403 }], () => new Response('no', { status: 403 })],
  ['a status with any body', [{ status: 419 }], () => new Response(null, { status: 419 })],
  ['a member', [{ status: 403, body: { code: 'TOKEN_EXPIRED' } }], () => json({ code: 'TOKEN_EXPIRED', more: 1 }, 403)],
  ['a number', [{ status: 200, body: { errcode: 40001 } }], () => json({ errcode: 40001, errmsg: 'x' })],
  [
    'a nested member',
    [{ status: 400, body: { error: { type: 'OAuthException', code: 190 } } }],
    () => json({ error: { code: 190, type: 'OAuthException', trace: 'x' } }, 400),
  ],
  [
    'an element of a list',
    [{ status: 400, body: { errors: [{ code: 89 }] } }],
    () => json({ errors: [{ code: 1 }, { code: 89, message: 'x' }] }, 400),
  ],
  [
    'a list at the top',
    [{ status: 403, body: { errorCode: 'INVALID_SESSION_ID' } }],
    () => json([{ errorCode: 'INVALID_SESSION_ID' }], 403),
  ],
  ['null', [{ status: 400, body: { data: null, ok: false } }], () => json({ data: null, ok: false }, 400)],
  [
    'a header',
    [{ status: 403, header: { 'X-Reason': 'expired' } }],
    () => new Response('', { status: 403, headers: { 'x-reason': 'expired' } }),
  ],
  [
    'header and body',
    [{ status: 403, header: { 'x-reason': 'expired' }, body: { a: 1 } }],
    () => json({ a: 1 }, 403, { 'x-reason': 'expired' }),
  ],
  [
    'the second of two rules',
    [
      { status: 403, body: { a: 1 } },
      { status: 403, body: { b: 2 } },
    ],
    () => json({ b: 2 }, 403),
  ],
  [
    'JSON without a type',
    [{ status: 400, body: { a: 1 } }],
    () => new Response(new TextEncoder().encode(' \n{"a":1}\n'), { status: 400 }),
  ],
  [
    'JSON called text',
    [{ status: 400, body: { a: 1 } }],
    () => new Response('{"a":1}', { status: 400, headers: { 'content-type': 'text/plain' } }),
  ],
  [
    'JSON with a byte order mark',
    [{ status: 400, body: { a: 1 } }],
    () => new Response('\ufeff{"a":1}', { status: 400, headers: { 'content-type': 'application/problem+json' } }),
  ],
]

test.each(REJECTED)(
  'a response that the provider’s data names by %s costs one refresh and one repeat',
  async (_by, rejected, answer) => {
    const { fetch, sent, server, settle } = await stage(over(answer), { provider: { rejected } })
    const response = await settle(fetch(`${API}/`, { method: 'POST', body: 'mine' }))
    expect([response.status, await response.text()]).toEqual([200, 'good'])
    expect(sent.map(({ token, body }) => `${token} ${body}`)).toEqual(['at-f-0 mine', 'at-f-1 mine'])
    expect(server.redemptions).toBe(1)
  },
)

const BIG = JSON.stringify({ a: 1, padding: 'x'.repeat(70_000) })

const OTHERS: [string, RejectedAnswer[], () => Response][] = [
  ['another status', [{ status: 403, body: { a: 1 } }], () => json({ a: 1 }, 400)],
  ['another value', [{ status: 403, body: { a: 1 } }], () => json({ a: '1' }, 403)],
  ['a missing member', [{ status: 403, body: { a: 1, b: 2 } }], () => json({ a: 1 }, 403)],
  ['an inherited member', [{ status: 403, body: { constructor: {} } }], () => json({ a: 1 }, 403)],
  [
    'an object in place of a list',
    [{ status: 403, body: { errors: [{ code: 1 }] } }],
    () => json({ errors: { code: 1 } }, 403),
  ],
  [
    'another header',
    [{ status: 403, header: { 'x-reason': 'expired' } }],
    () => new Response('', { status: 403, headers: { 'x-reason': 'Expired' } }),
  ],
  ['no body', [{ status: 403, body: { a: 1 } }], () => new Response(null, { status: 403 })],
  ['text', [{ status: 403, body: { a: 1 } }], () => new Response('no', { status: 403 })],
  [
    'broken JSON',
    [{ status: 403, body: { a: 1 } }],
    () => new Response('{"a":1', { status: 403, headers: { 'content-type': 'application/json' } }),
  ],
  ['a value that is no object', [{ status: 403, body: { a: 1 } }], () => json(null, 403)],
  [
    'more than 64 KiB',
    [{ status: 403, body: { a: 1 } }],
    () => new Response(BIG, { status: 403, headers: { 'content-type': 'application/json' } }),
  ],
  [
    'a picture',
    [{ status: 200, body: { a: 1 } }],
    () => new Response('{"a":1}', { headers: { 'content-type': 'image/png' } }),
  ],
  ['no data of the provider', [], () => json({ a: 1 }, 403)],
]

test.each(OTHERS)('a response with %s is returned to the caller, whole', async (_what, rejected, answer) => {
  const { fetch, sent, server, settle } = await stage(over(answer), { provider: { rejected } })
  const expected = answer()
  const response = await settle(fetch(`${API}/`))
  expect(response.status).toBe(expected.status)
  expect(await response.text()).toBe(await expected.text())
  expect(sent).toHaveLength(1)
  expect(server.redemptions).toBe(0)
})

test('a response that stays a rejection is returned unchanged after the repeat, and at once where no repeat is possible', async () => {
  const rejected = [{ status: 403, body: { code: 'OVER' } }]
  const { fetch, sent, settle } = await stage(() => json({ code: 'OVER', detail: 'mine' }, 403), {
    provider: { rejected },
  })
  const response = await settle(fetch(`${API}/`))
  expect(await response.json()).toEqual({ code: 'OVER', detail: 'mine' })
  expect(sent).toHaveLength(2)

  const body = Readable.toWeb(Readable.from([Buffer.from('once')])) as ReadableStream
  const once = await settle(fetch(`${API}/`, { method: 'POST', body, duplex: 'half' } as RequestInit))
  expect(await once.json()).toEqual({ code: 'OVER', detail: 'mine' })
  expect(sent).toHaveLength(3)
})

test('with retry401 false a rejection by the provider’s data is returned to the caller', async () => {
  const rejected = [{ status: 403, body: { code: 'OVER' } }]
  const { fetch, server } = await stage(() => json({ code: 'OVER' }, 403), {
    provider: { rejected },
    policy: { retry401: false },
  })
  expect(await (await fetch(`${API}/`)).json()).toEqual({ code: 'OVER' })
  expect(server.redemptions).toBe(0)
})

test('a body that goes on is not waited for once it can’t be a refusal, and streams on', async () => {
  const rejected = [{ status: 200, body: { code: 'OVER' } }]
  for (const [type, first] of [
    ['text/event-stream', undefined],
    ['application/x-ndjson', undefined],
    ['application/json', '<html>'],
    ['application/json', '{"id":1}\n'],
  ] as const) {
    let enqueue = (_text: string): void => {}
    let close = (): void => {}
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        enqueue = (text) => controller.enqueue(new TextEncoder().encode(text))
        close = () => controller.close()
      },
    })
    const { fetch } = await stage(() => new Response(body, { headers: { 'content-type': type } }), {
      provider: { rejected },
    })
    if (first !== undefined) enqueue(first)
    const response = await fetch(`${API}/`)
    enqueue('second')
    close()
    expect(await response.text()).toBe(`${first ?? ''}second`)
  }
})

test('a rejection whose connection stays open is recognised when it is complete, and then cancelled', async () => {
  let left = false
  const answer = () =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const part of ['{"code":', '"OVER"', '}']) controller.enqueue(new TextEncoder().encode(part))
        },
        cancel() {
          left = true
        },
      }),
      { status: 403, headers: { 'content-type': 'application/json' } },
    )
  const { fetch, settle } = await stage(over(answer), {
    provider: { rejected: [{ status: 403, body: { code: 'OVER' } }] },
  })
  expect(await (await settle(fetch(`${API}/`))).text()).toBe('good')
  expect(left).toBe(true)
})

test('a body that breaks off does so for its caller', async () => {
  const answer = () =>
    new Response(
      new ReadableStream(
        {
          start(controller) {
            controller.enqueue(new TextEncoder().encode('{"code":'))
          },
          pull(controller) {
            controller.error(new Error('cut'))
          },
        },
        { highWaterMark: 0 },
      ),
      { status: 403, headers: { 'content-type': 'application/json' } },
    )
  const { fetch } = await stage(over(answer), { provider: { rejected: [{ status: 403, body: { code: 'OVER' } }] } })
  const response = await fetch(`${API}/`)
  await expect(response.text()).rejects.toThrow('cut')
})

const WRONG: [string, unknown][] = [
  ['no list', { status: 403 }],
  ['no object', [403]],
  ['no status', [{ body: { a: 1 } }]],
  ['a status that is none', [{ status: '403' }]],
  ['a status of information', [{ status: 101, header: { a: 'b' } }]],
  ['a good status alone', [{ status: 200 }]],
  ['a redirect alone', [{ status: 302, body: undefined }]],
  ['a misspelt member', [{ status: 403, headers: { a: 'b' } }]],
  ['an empty body', [{ status: 403, body: {} }]],
  ['a list as a body', [{ status: 403, body: [1] }]],
  ['a body that is no JSON', [{ status: 403, body: { code: /x/ } }]],
  ['a body with a function', [{ status: 403, body: { code: () => true } }]],
  ['a body with undefined in it', [{ status: 403, body: { code: undefined } }]],
  ['a header that is no text', [{ status: 403, header: { a: 1 } }]],
  ['a header whose name is none', [{ status: 403, header: { 'a b': 'c' } }]],
  ['headers that are none', [{ status: 403, header: 'a' }]],
]

test.each(WRONG)('a rule with %s is a ConfigError at construction', (_what, rejected) => {
  const provider = { ...new FakeServer().provider, rejected: rejected as RejectedAnswer[] }
  expect(() => new OAuth2Client({ provider, clientId: 'id' })).toThrow(ConfigError)
  expect(() => new OAuth2Client({ provider, clientId: 'id' })).toThrow(/rejected of provider 'fake'/)
})

test('rules are read at construction, so that later changes have no effect', async () => {
  const rule = { status: 403, body: { code: 'OVER' } }
  const { fetch, sent, settle } = await stage(
    over(() => json({ code: 'OVER' }, 403)),
    { provider: { rejected: [rule] } },
  )
  rule.body.code = 'ELSE'
  expect((await settle(fetch(`${API}/`))).status).toBe(200)
  expect(sent).toHaveLength(2)
})

const challenge = (value: string) => () =>
  new Response('stands', { status: 401, headers: { 'www-authenticate': value } })

const BEYOND = [
  'Bearer error="insufficient_user_authentication", acr_values="gold"',
  'Bearer error=insufficient_user_authentication',
  'bearer realm="x", ERROR="Insufficient_User_Authentication"',
  'DPoP algs="ES256", error="insufficient_scope", scope="a b"',
  'Basic realm="x", Bearer error="insufficient_claims", claims="e30="',
  'Bearer error="insufficient_claims"; claims="e30="',
  'Negotiate abc==, Bearer realm="say \\"hi\\"", error="insufficient_scope"',
  'Bearer error = "insufficient_scope"',
  'Digest opaque=, error="insufficient_scope"',
  'Bearer realm="a, error=b", error="insufficient_scope"',
  'Bearer error="insufficient\\_scope"',
]

test.each(BEYOND)('a 401 that no refresh can fix is returned: %s', async (value) => {
  const { fetch, sent, server } = await stage(over(challenge(value)))
  const response = await fetch(`${API}/`)
  expect([response.status, await response.text()]).toEqual([401, 'stands'])
  expect(sent).toHaveLength(1)
  expect(server.redemptions).toBe(0)
})

const REPEATED = [
  'Bearer',
  'Bearer error="invalid_token"',
  'Bearer realm="error=insufficient_scope"',
  'Bearer error="invalid_token", error_description="error=\\"insufficient_scope\\""',
  'Bearer realm="x\\", error=insufficient_scope"',
  'Bearer error_code="insufficient_scope"',
  'Bearer error="insufficient_scopes"',
  'Bearer scope="insufficient_scope"',
  'error insufficient_scope',
  'Bearer realm="never closed, error=insufficient_scope',
]

test.each(REPEATED)('a 401 that a refresh may fix is repeated: %s', async (value) => {
  const { fetch, sent, settle } = await stage(over(challenge(value)))
  expect((await settle(fetch(`${API}/`))).status).toBe(200)
  expect(sent).toHaveLength(2)
})

test('several WWW-Authenticate headers count together', async () => {
  const headers = new Headers([
    ['www-authenticate', 'Basic realm="x"'],
    ['www-authenticate', 'Bearer error="insufficient_scope"'],
  ])
  const { fetch, server } = await stage(over(() => new Response('', { status: 401, headers })))
  expect((await fetch(`${API}/`)).status).toBe(401)
  expect(server.redemptions).toBe(0)
})

test('a response whose length is too large for a rejection is not waited for', () => {
  const rejected = compileRejected([{ status: 403, body: { a: 1 } }], 'acme')!
  const judge = (length: string): unknown =>
    rejected.judge(403, (name) => (name === 'content-length' ? length : 'application/json'))
  expect(judge('65537')).toBe(false)
  expect(judge('65536')).toBeInstanceOf(BodyLook)
})

import { describe, expect, test } from 'vitest'
import { OAuth2Session, type Token } from '../../../src/index.ts'
import { HOUR, stage } from '../setup.ts'

/** A session with an expired token, whose token updater fails the given number of times. */
function failing(times: number, how: (token: Token) => void | Promise<void>) {
  const on = stage({ rules: { expiresIn: 60 } })
  const kept: Token[] = []
  let left = times
  let calls = 0
  const session = new OAuth2Session(on.client, {
    token: { ...on.scripted.issue({ scope: 'read' }), expires_in: 0 },
    onToken: (token) => {
      calls += 1
      if (left-- > 0) return how(token)
      kept.push(token)
      return undefined
    },
  })
  const delayed: number[] = []
  session.on('save_delayed', ({ attempts }) => void delayed.push(attempts))
  return { ...on, session, kept, delayed, calls: () => calls }
}

const ways: [how: string, fail: (token: Token) => void | Promise<void>][] = [
  [
    'throws',
    () => {
      throw new Error('the disk is full')
    },
  ],
  ['rejects', () => Promise.reject(new Error('the disk is full'))],
]

describe.each(ways)('a token updater that %s', (_how, fail) => {
  test('stops no request: it goes out with the new token, which stays the session’s', async () => {
    const { scripted, session } = failing(1, fail)
    expect((await session.fetch(scripted.resource)).status).toBe(200)
    const access = await session.accessToken()
    expect(scripted.requests.at(-1)!.headers.get('authorization')).toBe(`Bearer ${access}`)
    expect(scripted.stats.redemptions).toBe(1)
  })

  test('gets the same token again at growing intervals until it succeeds, and each delay is reported', async () => {
    const { clock, delayed, kept, scripted, session, calls } = failing(3, fail)
    const access = await session.accessToken()
    expect(kept).toEqual([])
    expect(delayed).toEqual([1])
    await clock.advance(49)
    expect(calls()).toBe(1)
    await clock.advance(1)
    expect(calls()).toBe(2)
    await clock.advance(100 + 200)
    expect(kept.map(({ accessToken }) => accessToken)).toEqual([access])
    expect(kept[0]!.refreshToken).toMatch(/^scripted-refresh/)
    expect(delayed).toEqual([1, 2, 3])
    await clock.advance(10_000)
    expect(kept).toHaveLength(1)
    expect(scripted.stats.redemptions).toBe(1)
  })

  test('keeps the session from spending another refresh token before the first is saved', async () => {
    const { clock, scripted, session } = failing(Number.POSITIVE_INFINITY, fail)
    await session.token()
    await clock.advance(60_000)
    await expect(session.token()).rejects.toMatchObject({ code: 'store_error', retryable: true })
    await expect(session.refresh()).rejects.toMatchObject({ code: 'store_error' })
    expect(scripted.stats.redemptions).toBe(1)
  })

  test('is waited for by close()', async () => {
    const { clock, kept, session } = failing(2, fail)
    await session.token()
    let closed = false
    const closing = session.close().then(() => {
      closed = true
      return undefined
    })
    await clock.advance(60)
    expect(closed).toBe(false)
    await clock.advance(100)
    await closing
    expect(kept).toHaveLength(1)
  })
})

test('a token updater that hangs holds its callers up for ten seconds, not for ever', async () => {
  let called = (): void => undefined
  const hanging = new Promise<void>((resolve) => {
    called = resolve
  })
  const { clock, session } = failing(1, () => {
    called()
    return new Promise(() => undefined)
  })
  let served = false
  const waiting = session.token().finally(() => {
    served = true
  })
  await hanging
  await clock.advance(9999)
  expect(served).toBe(false)
  await clock.advance(1)
  expect((await waiting).accessToken).toMatch(/^scripted-access/)
})

test('a token updater may use the session itself: it gets the new token', async () => {
  const { client, scripted } = stage()
  const seen: string[] = []
  const session: OAuth2Session = new OAuth2Session(client, {
    token: { ...scripted.issue(), expires_in: 0 },
    onToken: async (token) => {
      seen.push(token.accessToken, await session.accessToken())
    },
  })
  const access = await session.accessToken()
  expect(seen).toEqual([access, access])
  expect(scripted.stats.redemptions).toBe(1)
})

test('a token updater is called with what it needs to start again from: the whole token', async () => {
  const { client, clock, scripted } = stage()
  let kept = ''
  const session = new OAuth2Session(client, {
    token: { ...scripted.issue({ scope: 'read' }), expires_in: 0, instance_url: 'https://eu1.example' },
    onToken: (token) => {
      kept = JSON.stringify(token)
    },
  })
  await session.refresh()
  await clock.advance(HOUR / 2)
  const restarted = new OAuth2Session(client, { token: JSON.parse(kept) as object })
  expect(await restarted.token()).toEqual(await session.token())
  await clock.advance(HOUR / 2)
  await restarted.token()
  expect(scripted.stats).toEqual({ redemptions: 2, reuses: 0 })
  expect(JSON.parse(kept)).toMatchObject({ extra: { instance_url: 'https://eu1.example' }, scope: ['read'] })
})

import { expect, test } from 'vitest'
import { inBothOrders } from '../src/harness/both-orders.ts'
import { interleave } from '../src/harness/interleave.ts'
import { numberText, toMarkdown } from '../src/harness/markdown.ts'
import { spread } from '../src/harness/stats.ts'
import { startServer } from '../src/server/start-server.ts'

test('a spread is the median and the quartiles, between samples their weighted mean', () => {
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, q1: 1.75, q3: 3.25, n: 4 })
  expect(spread([7])).toEqual({ median: 7, q1: 7, q3: 7, n: 1 })
  expect(() => spread([])).toThrow('at least one sample')
})

test('contestants run in turns, another first in each round, and a warm-up is not counted', async () => {
  const order: string[] = []
  const contestant = (name: string) => ({
    name,
    run: async (round: number) => {
      order.push(`${name}${round}`)
      return round
    },
  })
  const results = await interleave(2, ['a', 'b', 'c'].map(contestant))
  expect(order).toEqual(['a-1', 'b-1', 'c-1', 'a0', 'b0', 'c0', 'b1', 'c1', 'a1'])
  expect(Object.fromEntries(results)).toEqual({ a: [0, 1], b: [0, 1], c: [0, 1] })
  await expect(interleave(1, ['a', 'a'].map(contestant))).rejects.toThrow('different names')
})

test('numbers show three digits, and large ones none after the point', () => {
  expect([0.1234, 1.234, 12.34, 123.4, 1234.5, 3].map(numberText)).toEqual(['0.12', '1.2', '12.3', '123', '1,235', '3'])
})

test('a section names its command, its rows, and which aims were missed', () => {
  const text = toMarkdown(
    {
      name: 'token',
      title: 'The token at hand',
      columns: ['', 'ns'],
      rows: [['Evergrant | fresh', { median: 120.4, q1: 110, q3: 130, n: 5 }]],
      notes: ['A note.'],
      aims: [{ aim: 'under 100', measured: '120', met: false, why: 'Because.' }],
    },
    { date: '2026-01-02', machine: 'a machine', versions: { node: '24.0.0' } },
  )
  expect(text).toContain('`npm run bench -- token --full`')
  expect(text).toContain('| Evergrant \\| fresh | 120 (110–130) |')
  expect(text).toContain('- **Missed**: under 100. Measured: 120. Because.')
  expect(text).toContain('Measured 2026-01-02 with Node 24.0.0 on a machine.')
})

test('the server rotates, ends a grant whose refresh token comes twice, and counts', async () => {
  const server = await startServer({ lifetimeS: 60 })
  try {
    const [grant] = await server.mintSpent()
    const redeem = (refresh_token: string) =>
      fetch(server.tokenEndpoint, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token }),
      })
    const get = (token: string) => fetch(server.resource, { headers: { authorization: `Bearer ${token}` } })
    expect((await get(grant!.access_token)).status).toBe(401)
    const first = (await (await redeem(grant!.refresh_token)).json()) as { access_token: string; refresh_token: string }
    expect((await get(first.access_token)).status).toBe(200)
    await server.refuse(first.access_token)
    expect((await get(first.access_token)).status).toBe(401)
    expect((await redeem(grant!.refresh_token)).status).toBe(400)
    expect((await redeem(first.refresh_token)).status).toBe(400)
    expect(await server.stats()).toEqual({
      tokenRequests: 3,
      redemptions: 1,
      reuses: 1,
      revoked: 1,
      resourceRequests: 3,
      unauthorized: 2,
    })
    await server.configure({ fault: 'unavailable' })
    expect((await redeem('any')).status).toBe(503)
    await server.configure({ fault: 'cut_after' })
    const [other] = await server.mint()
    await expect(redeem(other!.refresh_token)).rejects.toThrow('fetch failed')
    await server.configure({ fault: null, rotate: false })
    expect(await (await redeem(`refresh.1.1`)).json()).not.toHaveProperty('refresh_token')
  } finally {
    await server.close()
  }
})

test('of two things each comes first as often as the other, and what is measured first does not count', async () => {
  const order: string[] = []
  const measure = (name: string) => async () => order.push(name)
  const pairs = await inBothOrders(2, measure('base'), measure('own'))
  expect(order.join(' ')).toBe('base own own base '.repeat(3).trim())
  expect(pairs).toEqual([
    { base: [5, 8], own: [6, 7] },
    { base: [9, 12], own: [10, 11] },
  ])
})

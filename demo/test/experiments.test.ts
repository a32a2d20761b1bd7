import { expect, test } from 'vitest'
import { Browser } from './browser.ts'
import { demoWith, json, logIn } from './setup.ts'

const post = { method: 'POST' }

test('of two faults switched on at once one is on, and off turns it off', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  await Promise.all([
    json(browser, demo.at('/faults/unavailable/on'), post),
    json(browser, demo.at('/faults/rate_limited/on'), post),
  ])
  expect(demo.provider.pendingFaults()).toHaveLength(1)
  // Which of them came last is not for the test to say.
  const [{ fault } = { fault: undefined }] = demo.provider.pendingFaults()
  const [on, off] = fault?.kind === 'rate_limited' ? ['rate_limited', 'unavailable'] : ['unavailable', 'rate_limited']
  // Off is for the one that is on.
  await json(browser, demo.at(`/faults/${off}/off`), post)
  expect(demo.provider.pendingFaults()).toHaveLength(1)
  const { body } = await json(browser, demo.at(`/faults/${on}/off`), post)
  expect(body).toMatchObject({ on: null, store: { state: 'active' } })
  expect(demo.provider.pendingFaults()).toHaveLength(0)
})

test('faults affect the throw-away grant only', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  await json(browser, demo.at('/faults/unavailable/on'), post)
  expect((await json(browser, demo.at('/manual_refresh'))).status).toBe(200)
  expect(demo.provider.stats(demo.provider.clientId).faults).toBe(0)
})

test('the storm leaves no throw-away grant behind, and a second storm at the same time gets the same one', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  const [first, second] = await Promise.all([
    json(browser, demo.at('/storm'), post),
    json(browser, demo.at('/storm'), post),
  ])
  expect(first.body).toEqual(second.body)
  expect(first.body).toMatchObject({
    count: 50,
    usual: { redemptions: 50, revocations: 1, alive: false },
    evergrant: { redemptions: 1, answered: 50, alive: true },
  })
  const { body } = await json(browser, demo.at('/storm'), post)
  expect(body).toMatchObject({ evergrant: { verdict: '1 redemption, 50 responses' } })
  await expect.poll(() => demo.provider.stats('storm-evergrant').revokeRequests).toBe(2)
})

test('experiments need a logged-in user, and unknown ones are not found', async () => {
  const demo = await demoWith()
  expect((await json(new Browser(), demo.at('/storm'), post)).status).toBe(401)
  expect((await json(new Browser(), demo.at('/faults/hang/on'), post)).status).toBe(401)
  expect((await json(new Browser(), demo.at('/processes/on'), post)).status).toBe(401)
  const { browser } = await logIn(demo)
  expect((await json(browser, demo.at('/faults/flood/on'), post)).status).toBe(404)
  expect((await json(browser, demo.at('/processes/twice'), post)).status).toBe(404)
  expect((await json(browser, demo.at('/storm'))).status).toBe(404)
  expect(demo.provider.pendingFaults()).toHaveLength(0)
})

import { expect } from 'vitest'
import { demoWith } from '../setup.ts'
import { browserTest, openMenu, useChromium } from './chromium.ts'

useChromium()

browserTest('in the storm the usual code loses the grant, and Evergrant refreshes once for all callers', async () => {
  const demo = await demoWith()
  const { page } = await openMenu(demo, { reducedMotion: 'reduce' })
  await page.getByRole('button', { name: 'Send 50 calls with both' }).click()
  await page.locator('#storm-evergrant [data-verdict]', { hasText: 'redemption' }).waitFor()
  expect(await page.locator('#storm-usual [data-verdict]').textContent()).toBe(
    '50 redemptions, reuse detected, grant revoked: the user must log in again',
  )
  expect(await page.locator('#storm-evergrant [data-verdict]').textContent()).toBe('1 redemption, 50 responses')
  expect(await page.locator('#storm-evergrant [data-state=answered]').count()).toBe(50)
  expect(await page.locator('#storm-usual .dots').getAttribute('aria-label')).toMatch(
    /^50 calls: \d+ succeeded, \d+ failed$/,
  )
  // The visitor's own grant was not used.
  expect(demo.provider.stats(demo.provider.clientId).tokenRequests.refresh_token).toBe(0)
  await page.locator('[data-action="/manual_refresh"]').click()
  await page.locator('[data-answer="/manual_refresh"] .ok').waitFor()
})

browserTest('the storm is replayed at a speed that can be followed', async () => {
  const demo = await demoWith()
  const { page } = await openMenu(demo)
  await page.locator('#storm-start').click()
  await page.locator('#storm-usual [data-state=asking]').first().waitFor()
  await page.locator('#storm-note', { hasText: 'times slower than real time' }).waitFor()
  await page.locator('#storm-note', { hasText: 'The usual code took' }).waitFor()
  expect(await page.locator('#storm-evergrant [data-state=answered]').count()).toBe(50)
})

for (const { kind, log, store } of [
  { kind: 'unavailable', log: 'provider_unavailable', store: 'failureprovider_unavailable' },
  { kind: 'rate_limited', log: 'provider_unavailable', store: 'not again before' },
]) {
  browserTest(
    `fault ‘${kind}’: the refresh fails, the profile keeps working, and a later refresh succeeds`,
    async () => {
      const demo = await demoWith({}, { tickMs: 100 })
      const { page } = await openMenu(demo)
      const button = page.locator(`[data-switch=${kind}]`)
      await button.click()
      await page.locator('[role=switch][aria-checked=true]').waitFor()
      await page.locator('#lab-verdict', { hasText: 'no caller notices' }).waitFor()
      await page.locator('#beats i >> nth=5').waitFor()
      expect(await page.locator('#beats [data-ok=false]').count()).toBe(0)
      expect(await page.locator('#lab-caller').textContent()).toContain('session.refresh(): provider_unavailable')
      expect(await page.locator('#lab-log').textContent()).toContain(log)
      expect(await page.locator('#lab-store').textContent()).toContain(store)
      expect(await page.locator('#lab-store').textContent()).toContain('stateactive')
      await button.click()
      await page.locator('#lab-verdict', { hasText: 'Nothing was lost' }).waitFor()
      expect(await page.locator('#beats [data-ok=false]').count()).toBe(0)
      expect(await page.locator('#lab-store').textContent()).toContain('version2')
    },
  )
}

browserTest('fault ‘hang’: callers get the token while no response comes, and no second request is sent', async () => {
  const demo = await demoWith({}, { tickMs: 100 })
  const { page } = await openMenu(demo)
  await page.locator('[data-switch=hang]').click()
  await page.locator('#lab-verdict', { hasText: 'the calls don’t wait' }).waitFor()
  await page.locator('#lab-store', { hasText: 'one process is redeeming' }).waitFor()
  await page.locator('#lab-caller', { hasText: 'session.refresh(): provider_unavailable' }).waitFor()
  expect(await page.locator('#beats [data-ok=false]').count()).toBe(0)
  await page.locator('[data-switch=hang]').click()
  await page.locator('#lab-verdict', { hasText: 'Nothing was lost' }).waitFor()
  expect(await page.locator('#beats [data-ok=false]').count()).toBe(0)
  expect(demo.provider.stats('fault-lab').reuseDetections).toBe(0)
})

browserTest(
  'fault ‘answer lost’: callers are served, the end is told once, and the next switch begins anew',
  async () => {
    const demo = await demoWith({}, { tickMs: 100 })
    const { page } = await openMenu(demo)
    await page.locator('[data-switch=answer_lost]').click()
    await page.locator('#lab-verdict', { hasText: 'no caller notices' }).waitFor()
    await page.locator('#beats i >> nth=5').waitFor()
    expect(await page.locator('#beats [data-ok=false]').count()).toBe(0)
    expect(await page.locator('#lab-store').textContent()).toContain('outcome not known')
    await page.locator('[data-switch=answer_lost]').click()
    await page.locator('#lab-verdict', { hasText: 'The grant is over (answer_lost)' }).waitFor()
    expect(await page.locator('#lab-log').textContent()).toContain('reauthorization required reason=answer_lost')
    await page.locator('[data-switch=unavailable]').click()
    await page.locator('#lab-verdict', { hasText: 'no caller notices' }).waitFor()
    expect(await page.locator('#lab-store').textContent()).toContain('stateactive')
    expect(demo.provider.stats(demo.provider.clientId).revocations).toBe(0)
  },
)

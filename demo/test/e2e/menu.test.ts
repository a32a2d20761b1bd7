import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { demoWith } from '../setup.ts'
import { browserTest, openMenu, useChromium } from './chromium.ts'

useChromium()

browserTest('the four actions show their results in place', async () => {
  const demo = await demoWith()
  const { page } = await openMenu(demo)
  for (const [path, member] of [
    ['/profile', 'alice@example.com'],
    ['/validate', 'evergrant-demo'],
    ['/automatic_refresh', 'previous_fingerprint'],
    ['/manual_refresh', 'previous_fingerprint'],
  ] as const) {
    await page.locator(`[data-action="${path}"]`).click()
    const answer = page.locator(`[data-answer="${path}"]`)
    await answer.locator('.ok').waitFor()
    expect(await answer.locator('.json').textContent()).toContain(member)
  }
  expect(page.url()).toBe(demo.at('/menu'))
  const shown = JSON.parse((await page.locator('[data-answer="/manual_refresh"] .json').textContent()) ?? '') as {
    fingerprint: string
  }
  await page.locator('#fingerprint', { hasText: shown.fingerprint }).waitFor()
  expect(await page.locator('#timeline li').allTextContents()).toEqual([
    expect.stringContaining('Renewed because you asked'),
    expect.stringContaining('Renewed for a caller, because it was spent'),
  ])
})

/** What the page says has happened, newest first. */
const happened = (page: Page): Promise<{ at: string; why: string }[]> =>
  page.locator('#timeline li').evaluateAll((items) =>
    items.map((item) => ({
      at: item.querySelector('time')?.getAttribute('datetime') ?? '',
      why: item.querySelector('.why')?.textContent ?? '',
    })),
  )

/** What has happened since, once so much has. */
async function happenedSince(page: Page, at: string, count: number): Promise<{ at: string; why: string }[]> {
  const since = async () => (await happened(page)).filter((entry) => entry.at > at)
  await expect.poll(async () => (await since()).length, { timeout: 15_000 }).toBeGreaterThanOrEqual(count)
  return since()
}

browserTest(
  'the countdown goes through fresh and early, and the token renews itself while the visitor watches',
  async () => {
    const demo = await demoWith({}, { accessTokenLifetimeMs: 3000, tickMs: 100 })
    const { page } = await openMenu(demo)
    // Where the machine is slow to load the page, the page itself is the caller that renews the token: what counts is what happens
    // while it is open, which is from its first news on.
    const [loaded] = await happened(page)
    const [opened] = await happenedSince(page, loaded?.at ?? '', 1)
    await page.locator('#life[data-state=fresh]').waitFor()
    const first = await page.locator('#fingerprint').textContent()
    const inGoodTime = 'Renewed in the background, in good time'
    const watched = await happenedSince(page, opened!.at, 2)
    expect(watched.map(({ why }) => why)).toEqual(watched.map(() => inGoodTime))
    expect(await page.locator('#fingerprint').textContent()).not.toBe(first)
    expect(await page.locator('#news').textContent()).toContain(inGoodTime)
    expect(await page.locator('#life').getAttribute('data-state')).toMatch(/fresh|early/)
    expect(demo.provider.stats().reuseDetections).toBe(0)
  },
)

browserTest('the keyboard reaches every control in order, and shows where it is', async () => {
  const demo = await demoWith()
  const { page } = await openMenu(demo)
  const reached: string[] = []
  for (let step = 0; step < 8; step += 1) {
    await page.keyboard.press('Tab')
    reached.push((await page.evaluate(() => document.activeElement?.textContent?.trim())) ?? '')
    expect(await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)).toBe('solid')
  }
  expect(reached.slice(0, 3)).toEqual(['Skip to the content', 'Log out', 'Disconnect'])
  expect(reached).toContain('Run /profile')
  await page.locator('[data-action="/profile"]').focus()
  await page.keyboard.press('Enter')
  await page.locator('[data-answer="/profile"] .ok').waitFor()
})

browserTest('the page is no wider than a phone', async () => {
  const demo = await demoWith()
  const { page } = await openMenu(demo, { viewport: { width: 360, height: 740 } })
  await page.locator('[data-action="/validate"]').click()
  await page.locator('[data-answer="/validate"] .ok').waitFor()
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
})

browserTest('a grant that ends at the provider becomes a page that says what to do, also on an open menu', async () => {
  const demo = await demoWith({}, { accessTokenLifetimeMs: 2000, tickMs: 100 })
  const { page } = await openMenu(demo)
  demo.provider.fault('invalid_grant')
  await page.getByRole('heading', { name: 'Please connect again' }).waitFor()
  await page.getByRole('link', { name: 'Connect again' }).click()
  await expect.poll(() => page.title()).toContain('Development provider')
})

import { expect } from 'vitest'
import { demoWith } from '../support.ts'
import { browserTest, openMenu, useChromium } from './chromium.ts'

useChromium()

browserTest('the four actions show their answers in place', async () => {
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

browserTest(
  'the countdown goes through fresh and early, and the token renews itself while the visitor watches',
  async () => {
    const demo = await demoWith({}, { accessTokenLifetimeMs: 2000, tickMs: 100 })
    const { page } = await openMenu(demo)
    await page.locator('#life[data-state=fresh]').waitFor()
    const first = await page.locator('#fingerprint').textContent()
    // The first renewal, and a second one after it.
    await page.locator('#timeline li >> nth=1').waitFor()
    expect(await page.locator('#fingerprint').textContent()).not.toBe(first)
    // On a busy machine the moment for it, a tenth of the lifetime, may pass: then the next call renews it.
    const byItself = /^Renewed (in the background, in good time|for a caller, because it was spent)$/
    for (const why of await page.locator('#timeline .why').allTextContents()) expect(why).toMatch(byItself)
    expect(await page.locator('#news').textContent()).toMatch(/Renewed (in the background|for a caller)/)
    expect(await page.locator('#life').getAttribute('data-state')).toMatch(/fresh|early/)
    expect(demo.provider.stats().reuseDetections).toBe(0)
  },
)

browserTest('the keyboard reaches everything in order, and shows where it is', async () => {
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

browserTest('nothing is wider than a phone', async () => {
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

import { expect } from 'vitest'
import { demoWith } from '../setup.ts'
import { atProvider, browserTest, logInWith, openPage, useChromium } from './chromium.ts'

useChromium()

browserTest('a visitor logs in, sees who is connected, disconnects, and connects again', async () => {
  const demo = await demoWith()
  const { page } = await openPage()
  await logInWith(page, demo.url)
  expect(page.url()).toBe(demo.at('/menu'))
  await page.getByText('alice@example.com').waitFor()
  await page.getByRole('button', { name: 'Disconnect' }).click()
  await page.getByRole('heading', { name: 'Disconnected' }).waitFor()
  await expect.poll(() => demo.provider.stats().revokeRequests).toBe(1)
  await page.getByRole('link', { name: 'Connect again' }).click()
  await atProvider(page)
  await page.getByText('alice@example.com').waitFor()
})

browserTest('a user who does not allow access reads what that means and can start again', async () => {
  const demo = await demoWith()
  const { page } = await openPage()
  await page.goto(demo.url)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.getByRole('heading', { name: 'You did not allow the access' }).waitFor()
  expect(page.url().startsWith(demo.at('/callback'))).toBe(true)
  await page.getByRole('link', { name: 'Start the login' }).click()
  await atProvider(page)
  await page.getByText('alice@example.com').waitFor()
})

browserTest('a second login that brings no refresh token keeps the stored one', async () => {
  const demo = await demoWith()
  const { page } = await openPage()
  await logInWith(page, demo.url)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('link', { name: 'Log in' }).click()
  // The account is chosen, and no consent is asked: the provider gives no refresh token.
  expect(await page.title()).toContain('Choose an account')
  await atProvider(page)
  await page.locator('[data-action="/manual_refresh"]').click()
  await page.locator('[data-answer="/manual_refresh"] .ok').waitFor()
  expect(demo.provider.stats().redemptions).toBe(1)
})

browserTest('without JavaScript the four actions are links that return JSON', async () => {
  const demo = await demoWith()
  const { page } = await openPage({ javaScriptEnabled: false })
  await logInWith(page, demo.url)
  await page.locator('#no-script').waitFor()
  expect(Number(await page.locator('#seconds').textContent())).toBeGreaterThan(50)
  expect(await page.locator('#storm-start').isVisible()).toBe(false)
  for (const [path, member] of [
    ['/profile', 'email'],
    ['/automatic_refresh', 'previous_fingerprint'],
    ['/manual_refresh', 'previous_fingerprint'],
    ['/validate', 'aud'],
  ] as const) {
    await page.locator(`[data-action="${path}"]`).click()
    expect(page.url()).toBe(demo.at(path))
    expect(JSON.parse(await page.locator('body').innerText())).toHaveProperty(member)
    await page.goBack()
  }
  expect(demo.provider.stats().redemptions).toBe(2)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('heading', { name: 'Logged out' }).waitFor()
})

browserTest('a link from another site can’t refresh a token', async () => {
  const demo = await demoWith()
  const { page } = await openPage()
  await logInWith(page, demo.url)
  // The provider is on another site than the demo.
  await page.route(`${demo.provider.url}/elsewhere`, (route) =>
    route.fulfill({ contentType: 'text/html', body: `<a href="${demo.at('/manual_refresh')}">Win</a>` }),
  )
  await page.goto(`${demo.provider.url}/elsewhere`)
  await page.getByRole('link', { name: 'Win' }).click()
  await page.getByRole('heading', { name: 'This came from another site' }).waitFor()
  expect(demo.provider.stats().redemptions).toBe(0)
})

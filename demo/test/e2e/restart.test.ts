import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { startProvider } from '@evergrant/provider'
import { runMain } from '../run-main.ts'
import { freePort, temporaryFolder } from '../setup.ts'
import { browserTest, logInWith, openPage, useChromium } from './chromium.ts'

useChromium()

browserTest(
  'the application restarts under an open page: the grant is still there, and nobody logs in again',
  async () => {
    const port = await freePort()
    const provider = await startProvider({ rotate: true, redirectUris: [`http://localhost:${port}/callback`] })
    onTestFinished(() => provider.close())
    const env = {
      PORT: String(port),
      DATABASE: join(temporaryFolder(), 'demo.db'),
      ISSUER: provider.url,
      CLIENT_ID: provider.clientId,
      CLIENT_SECRET: provider.clientSecret,
    }
    const first = runMain(env)
    const url = await first.line(/^http:/)
    const { page } = await openPage()
    await logInWith(page, url)
    await page.locator('[data-action="/manual_refresh"]').click()
    await page.locator('[data-answer="/manual_refresh"] .ok').waitFor()
    const before = await page.locator('#fingerprint').textContent()

    first.stop()
    await first.ended
    await page.getByText('The connection to the demo is lost').waitFor()
    const second = runMain(env)
    await second.line(/^http:/)
    await page.locator('#trouble').waitFor({ state: 'hidden' })
    expect(await page.locator('#fingerprint').textContent()).toBe(before)

    await page.locator('[data-action="/manual_refresh"]').click()
    await page.locator('#fingerprint', { hasNotText: before ?? '' }).waitFor()
    await page.reload()
    await page.getByText('alice@example.com').waitFor()
    expect(provider.stats().redemptions).toBe(2)
    expect(provider.stats().tokenRequests.authorization_code).toBe(1)
  },
)

import { expect } from 'vitest'
import { demoWith } from '../setup.ts'
import { browserTest, openMenu, useChromium } from './chromium.ts'

useChromium()

browserTest(
  'two processes: the one that refreshes is killed, the other takes over, and no call fails',
  async () => {
    const demo = await demoWith()
    const { page } = await openMenu(demo)
    const pidOf = (name: string): Promise<string | null> => page.locator(`#pair-${name} [data-part=pid]`).textContent()
    await page.getByRole('button', { name: 'Start two processes' }).click()
    await page.locator('#pair-A[data-state=calling]').waitFor()
    await page.locator('#pair-B[data-state=calling]').waitFor()
    const before = { A: await pidOf('A'), B: await pidOf('B') }
    await page.locator('#pair-kill[aria-disabled=false]').click()
    await page.locator('.worker[data-state=killed] .badge', { hasText: 'ended by SIGKILL' }).waitFor()
    const killed = (await page.locator('.worker[data-state=killed]').getAttribute('id')) === 'pair-A' ? 'A' : 'B'
    const other = killed === 'A' ? 'B' : 'A'
    const stale = (await page.locator(`#pair-${other} [data-part=token]`).textContent()) ?? ''
    await page.locator(`#pair-${other}[data-state=refreshing]`).waitFor()
    await page.locator('#pair-verdict[data-good=true]', { hasText: 'none failed, and the grant is alive' }).waitFor()
    await page.locator(`#pair-${other} [data-part=token]`, { hasNotText: stale }).waitFor()
    await page.locator('#pair-timeline', { hasText: `${other} took over and sent the refresh token again` }).waitFor()
    await page.locator('#pair-timeline', { hasText: 'the provider had replaced the refresh token already' }).waitFor()
    // The killed one is back, as another process, and has the new token.
    await page.locator(`#pair-${killed}[data-state=calling]`).waitFor()
    expect(await pidOf(killed)).not.toBe(before[killed])
    expect(await pidOf(other)).toBe(before[other])
    const count = (name: string): Promise<string | null> =>
      page.locator(`#pair-counts [data-count=${name}]`).textContent()
    expect(await count('failed')).toBe('0')
    expect(await count('reuseDetections')).toBe('0')
    expect(await count('lost')).toBe('1')
    expect(await count('grant')).toBe('alive')
    expect(await page.locator('.worker [data-ok=false]').count()).toBe(0)
    await page.getByRole('button', { name: 'Stop both' }).click()
    await page.locator('#pair-verdict', { hasText: 'Both are stopped.' }).waitFor()
    const pids = [before.A, before.B, await pidOf(killed)].map(Number)
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    // The visitor's own grant stayed out of it.
    expect(demo.provider.stats().tokenRequests.refresh_token).toBe(0)
    expect(demo.errors).toEqual([])
  },
  30_000,
)

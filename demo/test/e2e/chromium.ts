import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test, type TestFunction } from 'vitest'
import { findChromium } from '../../../scripts/chromium.mjs'
import { logIn, type TestDemo } from '../setup.ts'

const path = findChromium()
const skipReason = 'no Chromium: install it (Debian: apt-get install chromium) or set CHROMIUM_PATH'

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
]

let browser: Browser | undefined

/** Starts one Chromium for the tests of a file. */
export function useChromium(): void {
  beforeAll(async () => {
    if (path === undefined) return
    browser = await chromium.launch({ executablePath: path, headless: true, args: flags })
  })
  afterAll(() => browser?.close())
}

/** A test in the browser: skipped, saying why, where there is none, unless everything has to run. */
export function browserTest(name: string, body: TestFunction, timeout?: number): void {
  test(
    name,
    async (context) => {
      if (path === undefined && process.env['CI'] === 'true') throw new Error(skipReason)
      if (path === undefined) context.skip(skipReason)
      await body(context)
    },
    timeout,
  )
}

/** Opens a window of its own, whose end is the test's. Whatever the page breaks (its policy above all) fails the test. */
export async function openPage(
  options: BrowserContextOptions = {},
): Promise<{ page: Page; context: BrowserContext; complaints: string[] }> {
  const context = await browser!.newContext(options)
  onTestFinished(() => context.close())
  context.setDefaultTimeout(10_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // A refusal that the test asks for is no complaint; a violated policy is told in other words.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
  onTestFinished(() => expect(complaints).toEqual([]))
  return { page, context, complaints }
}

/** Opens the menu of somebody who is logged in already. */
export async function openMenu(
  demo: Pick<TestDemo, 'url'>,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const { browser: visitor } = await logIn(demo)
  const { complaints, context, page } = await openPage(options)
  await context.addCookies(
    [...visitor.cookies].flatMap(([key, value]) => {
      const [hostname, name = ''] = key.split(' ')
      return hostname === 'localhost' ? [{ name, value, url: demo.url }] : []
    }),
  )
  await page.goto(new URL('/menu', demo.url).href)
  return { page, complaints }
}

/** Logs in through the provider's pages, and allows the access if that is asked. */
export async function logInWith(page: Page, url: string, user = 'alice'): Promise<void> {
  await page.goto(url)
  await atProvider(page, user)
}

/** Goes on from the provider's first page. */
export async function atProvider(page: Page, user = 'alice'): Promise<void> {
  for (;;) {
    const title = await page.title()
    if (title.startsWith('Choose an account')) await page.locator(`button[value=${user}]`).click()
    else if (title.startsWith('Log in')) {
      await page.getByLabel('User name').fill(user)
      await page.getByLabel('Password').fill(user === 'alice' ? 'wonderland' : 'builder')
      await page.getByRole('button', { name: 'Log in' }).click()
    } else if (title.startsWith('Allow access')) await page.getByRole('button', { name: 'Allow' }).click()
    else return
    await page.waitForLoadState()
  }
}

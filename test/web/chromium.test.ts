import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { findChromium } from '../../scripts/chromium.mjs'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import { scriptedProvider } from '../../src/testing/scripted-provider.ts'
import { connectHandler, toNodeHandler, type ConnectHandlerOptions } from '../../src/web/index.ts'
import { userOf } from './setup.ts'

const path = findChromium()
const skipped = path === undefined && process.env['CI'] !== 'true'

let browser: Browser

beforeAll(async () => {
  if (skipped) return
  browser = await chromium.launch({ executablePath: path!, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] })
})
afterAll(() => browser?.close())

type Options = Partial<ConnectHandlerOptions<{ acme: OAuth2Client }, { req: object; res: object }>>
type Route = (req: IncomingMessage, res: ServerResponse) => unknown

/** Serves at `localhost` and at `127.0.0.1`, which are two sites to a browser. */
async function serve(route: Route): Promise<number> {
  const server = createServer((req, res) => void route(req, res))
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  onTestFinished(() => void server.close())
  onTestFinished(() => server.closeAllConnections())
  return (server.address() as AddressInfo).port
}

/** An application at `localhost`, whose session has `SameSite=Strict`, and a provider at `127.0.0.1`. */
async function application({ callback = '/connect/acme/callback', ...options }: Options & { callback?: string } = {}) {
  const scripted = scriptedProvider()
  const html = (res: ServerResponse, body: string) =>
    res.writeHead(200, { 'content-type': 'text/html' }).end(`<!doctype html>${body}`)
  const seen: string[] = []
  let route: Route = () => undefined
  const port = await serve((req, res) => route(req, res))
  const app = `http://localhost:${port}`
  const other = `http://127.0.0.1:${port}`
  const client = new OAuth2Client({
    provider: {
      ...scripted.provider,
      title: 'Acme',
      server: {
        ...(scripted.provider.server as object),
        token_endpoint: 'https://provider.example/token',
        authorization_endpoint: `${other}/authorize`,
      },
    },
    clientId: 'id',
    clientSecret: 'client-secret',
    redirectUri: app + callback,
    scope: 'read',
    fetch: scripted.fetch,
  })
  const grants = new Grants({ clients: { acme: client } })
  const connect = toNodeHandler(connectHandler(grants, { subject: userOf, publicUrl: app, ...options }))
  route = async (req, res) => {
    const url = new URL(req.url!, `http://${req.headers.host}`)
    if (url.origin === app) seen.push(url.href)
    if (url.pathname === '/authorize') {
      const back = new URL(scripted.login(url.href))
      const inputs = [...back.searchParams].map(
        ([name, value]) => `<input type=hidden name="${name}" value="${value}">`,
      )
      const form = `<form method=post action="${back.origin + back.pathname}">${inputs.join('')}<button>Post</button></form>`
      return html(res, `<a href="${back.href.replaceAll('&', '&amp;')}">Allow</a>${form}`)
    }
    if (url.pathname.startsWith('/foreign')) {
      const disconnect = `<form method=post action="${app}/connect/acme/disconnect"><button>Free gift</button></form>`
      return html(res, `<a href="${app}/connect/acme">Click here</a>${disconnect}`)
    }
    return connect(req, res, async () => {
      const session = url.pathname === '/open' ? null : await connect.session(req, res, 'acme')
      if (session === undefined) return
      const token = session === null ? 'no grant needed' : `token ${(await session.token()).tokenType}`
      html(res, `<p>${token}</p><a href="/connect/acme">Connect</a>`)
    })
  }
  const context = await browser.newContext()
  onTestFinished(() => context.close())
  await context.addCookies([{ name: 'user', value: 'alice', url: app, sameSite: 'Strict' }])
  return { app, other, context, grants, scripted, seen }
}

async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

const codeOf = (page: Page) => page.evaluate(() => document.body.dataset['code'])

test.skipIf(skipped)('a page leads through the login back to itself, also with a strict session', async () => {
  const { app, context, scripted } = await application()
  const page = await open(context, `${app}/reports?year=2026`)
  await page.getByText('Allow').click()
  await page.waitForURL(`${app}/reports?year=2026`)
  await expect.poll(() => page.innerText('p')).toBe('token bearer')
  expect(scripted.tokenRequests).toHaveLength(1)
  await page.goBack()
  await page.getByText('Allow').click()
  await page.waitForURL(`${app}/reports?year=2026`)
  expect(scripted.tokenRequests).toHaveLength(1)
})

test.skipIf(skipped)('form_post at a redirect URI of its own finishes, without the code in any URL', async () => {
  const { app, context, scripted, seen } = await application({ callback: '/auth/callback' })
  const page = await open(context, `${app}/reports?year=2026`)
  await page.getByText('Post').click()
  await page.waitForURL(`${app}/reports?year=2026`)
  await expect.poll(() => page.innerText('p')).toBe('token bearer')
  expect(scripted.tokenRequests).toHaveLength(1)
  expect(seen).toContain(`${app}/auth/callback?finish=1`)
  expect(seen.filter((url) => url.includes('code='))).toEqual([])
})

test.skipIf(skipped)('two tabs that begin at once both finish', async () => {
  const { app, context } = await application()
  const pages = await Promise.all(['/a', '/b'].map((at) => open(context, app + at)))
  for (const page of pages) await page.getByText('Allow').click()
  await Promise.all(pages.map((page, n) => page.waitForURL(`${app}${['/a', '/b'][n]}`)))
})

test.skipIf(skipped)('a double click on the provider’s page leads to the end', async () => {
  const { app, context, scripted } = await application()
  const page = await open(context, `${app}/reports`)
  await page.getByText('Allow').dblclick()
  await page.waitForURL(`${app}/reports`)
  expect(scripted.tokenRequests).toHaveLength(1)
  await page.reload()
  expect(await page.innerText('p')).toBe('token bearer')
})

test.skipIf(skipped)('a link of another site asks for a click here, and its form disconnects nothing', async () => {
  const { app, context, grants, other } = await application()
  const page = await open(context, `${other}/foreign`)
  await page.getByText('Click here').click()
  await page.waitForURL(`${app}/connect/acme`)
  expect(await codeOf(page)).toBe('continue')
  await page.getByText('Connect Acme', { exact: true }).click()
  await page.getByText('Allow').click()
  await page.waitForURL(`${app}/`)
  await page.goto(`${other}/foreign`)
  await page.getByText('Free gift').click()
  await page.waitForURL(`${app}/connect/acme/disconnect`)
  expect(await codeOf(page)).toBe('cross_site')
  expect(await grants.status('acme', 'alice')).toBeDefined()
  await page.goto(`${app}/connect`)
  await page.getByText('Disconnect').click()
  await page.waitForURL(`${app}/connect`)
  expect(await grants.status('acme', 'alice')).toBeUndefined()
})

test.skipIf(skipped)('a fetch, a prefetch and a speculation begin nothing', async () => {
  const { app, context } = await application()
  const page = await open(context, `${app}/open`)
  expect(await page.evaluate(async () => (await fetch('/connect/acme')).status)).toBe(409)
  await page.evaluate(() => {
    const link = Object.assign(document.createElement('link'), { rel: 'prefetch', href: '/connect/acme?x=1' })
    const rules = Object.assign(document.createElement('script'), {
      type: 'speculationrules',
      textContent: JSON.stringify({
        prefetch: [{ source: 'list', urls: ['/connect/acme?x=2'], eagerness: 'immediate' }],
      }),
    })
    document.head.append(link, rules)
  })
  await page.waitForTimeout(500)
  expect((await context.cookies()).map(({ name }) => name)).toEqual(['user'])
})

test.skipIf(skipped)('a login with the provider reaches its page with a strict session', async () => {
  const { app, context } = await application({
    signIn: ({ headers }) => {
      headers.append('set-cookie', 'user=bob; Path=/; HttpOnly; SameSite=Strict')
      return 'bob'
    },
  })
  await context.clearCookies()
  const page = await open(context, `${app}/reports`)
  await page.getByText('Allow').click()
  await page.waitForURL(`${app}/reports`)
  await expect.poll(() => page.innerText('p')).toBe('token bearer')
})

test.skipIf(skipped)('a window reports the end of its login', async () => {
  const { app, context } = await application()
  const page = await open(context, `${app}/open`)
  const result = page.evaluate(`import('/connect/connect.js').then(({ connect }) => connect('acme'))`)
  const window = await page.waitForEvent('popup')
  await window.getByText('Allow').click()
  expect(await result).toEqual({ ok: true, client: 'acme' })
})

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { findChromium } from '../../../scripts/chromium.mjs'
import { drawPage, type DrawnPage } from '../../../src/web/pages/draw.ts'
import { finishPage } from '../../../src/web/pages/finish.ts'
import { CONNECT_SCRIPT, closingPage } from '../../../src/web/pages/window.ts'
import { look, pageWith } from './setup.ts'

const path = findChromium()
const skipped = path === undefined && process.env['CI'] !== 'true'

let browser: Browser

beforeAll(async () => {
  if (skipped) return
  browser = await chromium.launch({ executablePath: path!, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] })
})
afterAll(() => browser?.close())

type Site = (url: URL, request: IncomingMessage) => Promise<{ html: string; headers?: object; status?: number }>

/** Serves a site on loopback. At `localhost` and at `127.0.0.1` it is two sites to the browser. */
async function serve(site: Site): Promise<{ app: string; other: string }> {
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url!, `http://${request.headers.host}`)
    const page = url.pathname === '/favicon.ico' ? { html: '', status: 404 } : await site(url, request)
    response.writeHead(page.status ?? 200, { 'content-type': 'text/html', ...page.headers }).end(page.html)
  }
  const server = createServer((request, response) => void respond(request, response))
  server.listen(0, 'localhost')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  onTestFinished(() => server.closeAllConnections())
  const { port } = server.address() as AddressInfo
  return { app: `http://localhost:${port}`, other: `http://127.0.0.1:${port}` }
}

/** Opens a page. What it breaks, its policy above all, fails the test. */
async function openPage(options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
  const page = await browser.newPage(options)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  onTestFinished(async () => {
    await page.context().close()
    expect(complaints.filter((text) => !text.startsWith('Failed to load'))).toEqual([])
  })
  return page
}

const OPENER = `<!doctype html><script type="module" src="/connect/connect.js"></script><script>
const heard = []
addEventListener('evergrant', ({ detail }) => heard.push(detail))
</script><a href="/connect/google" data-evergrant="google">Connect Google</a>`

test.skipIf(skipped).each([
  ['keeps its opener', {}],
  ['cuts its opener off', { 'cross-origin-opener-policy': 'same-origin' }],
])('a login in a window closes it and is heard where the provider %s', async (_, providerHeaders) => {
  let started: URLSearchParams | undefined
  const { app, other } = await serve(async (url) => {
    if (url.pathname === '/') return { html: OPENER }
    if (url.pathname === '/connect/connect.js')
      return { html: CONNECT_SCRIPT, headers: { 'content-type': 'text/javascript' } }
    if (url.pathname === '/provider')
      return { html: `<a href="${app}/connect/google/callback">Allow</a>`, headers: providerHeaders }
    if (url.pathname === '/connect/google') {
      started = url.searchParams
      return { html: '', status: 303, headers: { location: `${other}/provider` } }
    }
    const popup = started!.get('popup')!
    return closingPage({ ok: true, client: 'google', account: 'a', popup }, [started!.get('origin')!], look)
  })
  const page = await openPage()
  await page.goto(app)
  const [window] = await Promise.all([page.waitForEvent('popup'), page.getByText('Connect Google').click()])
  const closed = window.waitForEvent('close')
  await window.getByText('Allow').click()
  await closed
  await expect.poll(() => page.evaluate('heard')).toEqual([{ ok: true, client: 'google', account: 'a' }])
  expect(page.url()).toBe(`${app}/`)
})

/** What a request with the page `finish` in between brings. */
async function finished(again: (url: string, fields: Record<string, string>) => Promise<DrawnPage>, start: string) {
  const seen: object[] = []
  const { app, other } = await serve(async (url, request) => {
    if (url.pathname === '/login') return { html: '', headers: { 'set-cookie': 'session=1; SameSite=Strict' } }
    if (url.pathname === '/start') return { html: start.replaceAll('APP', app) }
    const body = new URLSearchParams(await text(request))
    const { cookie = '' } = request.headers
    seen.push({ method: request.method, query: url.search, cookie, fields: Object.fromEntries(body) })
    return url.searchParams.has('again')
      ? { html: 'Done' }
      : again('/callback?code=a%22b&again=1', Object.fromEntries(body))
  })
  const page = await openPage()
  await page.goto(`${app}/login`)
  await page.goto(`${other}/start`)
  await page.getByText('Go').click()
  await page.getByText('Done').waitFor()
  return seen
}

test.skipIf(skipped)('the page that repeats a GET brings the cookie that is only for this site', async () => {
  const seen = await finished((url) => finishPage({ url, method: 'GET' }, look), '<a href="APP/callback?code=a">Go</a>')
  expect(seen).toEqual([
    { method: 'GET', query: '?code=a', cookie: '', fields: {} },
    { method: 'GET', query: '?code=a%22b&again=1', cookie: 'session=1', fields: {} },
  ])
})

test.skipIf(skipped)('the page that repeats a POST brings the cookie and the same fields', async () => {
  const fields = { code: `"'<&>`, submit: 'x' }
  const seen = await finished(
    (url, fields) => finishPage({ url, method: 'POST', fields }, look),
    `<form method="post" action="APP/callback"><input name="code" value="&quot;'&lt;&amp;>"><input name="submit" value="x"><button>Go</button></form>`,
  )
  expect(seen).toEqual([
    { method: 'POST', query: '', cookie: '', fields },
    { method: 'POST', query: '?code=a%22b&again=1', cookie: 'session=1', fields },
  ])
})

test.skipIf(skipped)('pages fit 320 pixels, and are dark where the reader wants it', async () => {
  const action = { href: '/connect/google', label: `Connect ${'a-very-long-name'.repeat(6)}` }
  const { app } = await serve(async () =>
    drawPage(pageWith({ title: 'x'.repeat(100), actions: [action, { ...action, method: 'post' }] }), look),
  )
  const page = await openPage({ viewport: { width: 320, height: 600 }, colorScheme: 'dark' })
  await page.goto(app)
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
  const background = await page.evaluate(`getComputedStyle(document.querySelector('button')).backgroundColor`)
  expect(background).toMatch(/^rgb\((?:[1-3]?\d, ){2}[1-3]?\d\)$/)
  expect(await page.evaluate('document.querySelector("a").clientHeight')).toBeGreaterThan(40)
})

import { expect, test } from 'vitest'
import type { ConnectedLogin } from '../../src/web/index.ts'
import { codeOf, location, PROGRAM, world } from './setup.ts'

test('connected() learns of each login before the response', async () => {
  const { browser, handler, provider } = world({ client: { scope: 'read write' } })
  const seen: ConnectedLogin<undefined>[] = []
  const alice = browser(handler({ connected: (login) => void seen.push(login) }), 'alice')
  provider.script(async (_, byRules) => {
    const body = (await (await byRules()).json()) as object
    return { body: { ...body, scope: 'read' } }
  })
  location(await alice.callback(await alice.login('/connect/acme?return_to=/next')))
  expect(seen).toMatchObject([
    {
      client: 'acme',
      subject: 'alice',
      account: '',
      status: { state: 'active', renewable: true },
      missingScope: ['write'],
      identityChanged: false,
      repeated: false,
      returnTo: '/next',
    },
  ])
})

test('connected() may lead elsewhere on this site, also at a reload', async () => {
  const { browser, handler } = world()
  const connected = ({ headers }: ConnectedLogin<undefined>): string => {
    headers.append('set-cookie', 'seen=1; Path=/')
    return '/welcome'
  }
  const alice = browser(handler({ connected }), 'alice')
  const url = await alice.login('/connect/acme?return_to=/next')
  expect(location(await alice.callback(url))).toBe('/welcome')
  expect(alice.cookies.get('seen')?.value).toBe('1')
  expect(location(await alice.callback(url))).toBe('/welcome')
})

test('connected() may respond, and the login is finished all the same', async () => {
  const { browser, handler, provider } = world()
  const alice = browser(handler({ connected: () => Response.redirect('https://other.example/', 302) }), 'alice')
  const url = await alice.login('/connect/acme?return_to=/next')
  const response = await alice.callback(url)
  expect([response.status, response.headers.get('location')]).toEqual([302, 'https://other.example/'])
  expect(location(await alice.callback(url))).toBe('/next')
  expect(provider.tokenRequests).toHaveLength(1)
})

test('if connected() throws, the grant stays and no cookie is set', async () => {
  const { browser, grants, handler } = world()
  const connected = ({ headers }: ConnectedLogin<undefined>): never => {
    headers.append('set-cookie', 'seen=1; Path=/')
    throw new Error('mail server down')
  }
  const alice = browser(handler({ connected }), 'alice')
  const url = await alice.login()
  await expect(alice.callback(url)).rejects.toThrow('mail server down')
  expect(await grants.status('acme', 'alice')).toMatchObject({ state: 'active' })
})

test('connected() may not lead to another site', async () => {
  const { browser, handler } = world()
  const alice = browser(handler({ connected: () => 'https://evil.example/' }), 'alice')
  await expect(alice.callback(await alice.login())).rejects.toThrow('a path of this site')
})

test('page() draws pages in the application’s layout', async () => {
  const { browser, handler } = world()
  const connect = handler({
    page: ({ code, status, title }) =>
      code === 'not_found' ? `<h1>${title}</h1>` : code === 'prefetch' ? new Response('own', { status }) : undefined,
  })
  const alice = browser(connect, 'alice')
  const text = await alice.open('/connect/unknown')
  expect([text.status, await text.text()]).toEqual([404, '<h1>Page not found</h1>'])
  expect(text.headers.get('content-security-policy')).toBe("frame-ancestors 'none'")
  expect(text.headers.get('cache-control')).toBe('no-store')
  expect(await (await alice.open('/connect/acme', { headers: { 'sec-purpose': 'prefetch' } })).text()).toBe('own')
  expect(await codeOf(await alice.open('/connect/acme?return_to=x'))).toBe('invalid_return_to')
})

test('texts and languages are the application’s', async () => {
  const { browser, handler } = world()
  const lang = (request: Request) => request.headers.get('accept-language') ?? 'en'
  const german = { not_found: { title: 'Nicht gefunden', text: [] }, words: { Back: 'Zurück' } }
  const connect = handler({ lang, texts: (request) => (lang(request) === 'de' ? german : undefined) })
  const html = await (await browser(connect).open('/connect/x', { headers: { 'accept-language': 'de' } })).text()
  expect(html).toContain('<html lang="de"')
  expect(html).toMatch(/Nicht gefunden[\s\S]*Zurück/)
  expect(await (await browser(connect).open('/connect/x')).text()).toContain('<html lang="en"')
  const json = await browser(connect).open('/connect/x', { headers: { ...PROGRAM, 'accept-language': 'de' } })
  expect(await json.json()).toEqual({ error: 'not_found', message: 'Nicht gefunden' })
})

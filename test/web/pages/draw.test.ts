import { expect, test } from 'vitest'
import { drawPage } from '../../../src/web/pages/draw.ts'
import { attributes, elements, expectOwnPolicy, look, pageWith, unescape } from './setup.ts'

const HOSTILE = `"><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;</title></style></details>`

test('a page has a language, a title, one main part and its code', async () => {
  const { html } = await drawPage(pageWith(), { lang: 'de', css: undefined })
  expect(attributes(html, 'lang')).toEqual(['de'])
  expect(attributes(html, 'data-code')).toEqual(['continue'])
  expect(elements(html, 'title')).toEqual(['A title'])
  expect(elements(html, 'h1')).toEqual(['A title'])
  expect(elements(html, 'main')).toHaveLength(1)
  expect(html).toMatch(/^<!doctype html>/)
})

test('the headers forbid storing, sniffing and telling other sites the address', async () => {
  const { headers } = await drawPage(pageWith(), look)
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
  })
})

test('the policy has the hash of the style and allows no script', async () => {
  const page = await drawPage(pageWith(), look)
  expectOwnPolicy(page)
  expect(page.headers['content-security-policy']).not.toContain('script-src')
})

test.each([
  ':root{--accent:#c00}',
  'a{}\r\nb{}\rc{}\n',
  'a::after{content:"</style><script>alert(1)</script>"}',
  'ü{}',
])('rules of the application are added under their own hash: %j', async (css) => {
  const page = await drawPage(pageWith(), { lang: 'en', css })
  expectOwnPolicy(page)
  expect(page.html).not.toContain('\r')
  expect(elements(page.html, 'style')).toHaveLength(1)
  expect(elements(page.html, 'script')).toEqual([])
})

test('every text is escaped, also in attributes', async () => {
  const action = { href: HOSTILE, label: HOSTILE }
  const form = { ...action, method: 'post' as const, fields: { [HOSTILE]: HOSTILE } }
  const content = pageWith({
    title: HOSTILE,
    text: [HOSTILE],
    actions: [action, form],
    rows: [{ label: HOSTILE, text: HOSTILE, actions: [action, form] }],
    detail: { label: HOSTILE, text: HOSTILE },
  })
  const page = await drawPage(content, { lang: HOSTILE, css: undefined }, { refresh: HOSTILE, post: HOSTILE })
  expectOwnPolicy(page)
  expect(page.html).not.toMatch(/<(?:script|img)/)
  for (const name of ['title', 'h1', 'h2', 'a', 'button', 'summary']) {
    expect(elements(page.html, name).map(unescape), name).toEqual(elements(page.html, name).map(() => HOSTILE))
  }
  for (const name of ['lang', 'href', 'action', 'name', 'value']) {
    const values = attributes(page.html, name).filter((value) => value !== 'viewport')
    expect(values, name).toEqual(values.map(() => HOSTILE))
    expect(values.length, name).toBeGreaterThan(0)
  }
  expect(attributes(page.html, 'content')).toContain(`0;url=${HOSTILE}`)
  expect(JSON.parse(attributes(page.html, 'data-post')[0]!)).toBe(HOSTILE)
})

test('an action is a link, and with a method a form with its fields', async () => {
  const actions = [
    { href: '/connect/google?return_to=%2F', label: 'Connect Google' },
    {
      href: '/connect/google/disconnect',
      label: 'Disconnect',
      method: 'post' as const,
      fields: { account: 'a', b: '' },
    },
  ]
  const { html } = await drawPage(pageWith({ actions }), look)
  expect(html).toContain('<a href="/connect/google?return_to=%2F">Connect Google</a>')
  expect(html).toContain(
    '<form method="post" action="/connect/google/disconnect"><input type="hidden" name="account" value="a"><input type="hidden" name="b" value=""><button>Disconnect</button></form>',
  )
})

test('rows are a list, and details are closed', async () => {
  const rows = [
    { label: 'Google', text: 'Connected', actions: [] },
    { label: 'GitHub', text: 'Not connected', actions: [{ href: '/connect/github', label: 'Connect GitHub' }] },
  ]
  const { html } = await drawPage(pageWith({ rows, detail: { label: 'Details', text: 'server_error' } }), look)
  expect(elements(html, 'ul').flatMap((list) => elements(list, 'h2'))).toEqual(['Google', 'GitHub'])
  expect(elements(html, 'li')[1]).toContain('href="/connect/github"')
  expect(html).toContain('<details><summary>Details</summary><p>server_error</p></details>')
})

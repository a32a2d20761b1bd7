import { expect, test } from 'vitest'
import { finishPage } from '../../../src/web/pages/finish.ts'
import { attributes, elements, expectOwnPolicy, look, pageWith } from './setup.ts'

test('a GET is repeated by a refresh, and by a link where that is off', async () => {
  const url = '/connect/google/callback?code=a%22b&state=s&again=1'
  const page = await finishPage({ url, method: 'GET' }, look)
  expectOwnPolicy(page)
  expect(attributes(page.html, 'content')).toContain(`0;url=${url}`)
  expect(attributes(page.html, 'href')).toEqual([url])
  expect(elements(page.html, 'script')).toEqual([])
  expect(attributes(page.html, 'data-code')).toEqual(['finish'])
})

test('a POST is repeated by a form with the same fields, and by its button without script', async () => {
  const fields = { state: 's', code: `"><script>alert(1)</script>`, submit: 'x' }
  const page = await finishPage({ url: '/connect/google/callback?again=1', method: 'POST', fields }, look)
  expectOwnPolicy(page)
  expect(attributes(page.html, 'name').slice(-3)).toEqual(['state', 'code', 'submit'])
  expect(attributes(page.html, 'value')).toEqual(Object.values(fields))
  expect(elements(page.html, 'button')).toEqual(['Continue'])
  expect(page.html).not.toContain('http-equiv')
})

test('the content may be in another language', async () => {
  const content = pageWith({ code: 'finish', title: 'Einen Moment', actions: [{ href: '/else', label: 'Weiter' }] })
  const { html } = await finishPage({ url: '/x', method: 'GET' }, look, content)
  expect(elements(html, 'h1')).toEqual(['Einen Moment'])
  expect(html).toContain('<a href="/x">Weiter</a>')
})

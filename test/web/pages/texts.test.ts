import { expect, test } from 'vitest'
import type { PageCode } from '../../../src/web/pages/content.ts'
import { drawPage } from '../../../src/web/pages/draw.ts'
import { SENTENCES } from '../../../src/web/pages/sentences.ts'
import { contentOf, type Texts } from '../../../src/web/pages/texts.ts'
import { wordingFindings } from '../../repository/prose.ts'
import { elements, look } from './setup.ts'

const request = new Request('https://example.com/connect/google', { headers: { 'accept-language': 'de' } })
const facts = { status: 400, label: 'Google', actions: [{ href: '/connect/google', label: 'Connect {label}' }] }
const codes = Object.keys(SENTENCES) as PageCode[]

test.each(codes)('%s has a title and sentences that a user can read', async (code) => {
  const content = contentOf(code, facts, undefined, request)
  const { html } = await drawPage(content, look)
  expect(content).toMatchObject({ code, status: 400 })
  expect(elements(html, 'title')[0]).toMatch(/^[A-Z].*[^.]$/)
  expect(content.text.length).toBeGreaterThan(0)
  for (const sentence of content.text) {
    expect(sentence).toMatch(/^[A-Z].*[.:]$/)
    expect([...wordingFindings(sentence)]).toEqual([])
  }
  expect(html).not.toMatch(/[{}]label|undefined/)
})

test.each([
  'connections',
  'cross_site',
  'finish',
  'method_not_allowed',
  'not_found',
  'not_logged_in',
  'state_mismatch',
  'store_error',
] as const)('%s names no provider, because there may be none', (code) => {
  expect(JSON.stringify(SENTENCES[code])).not.toContain('{label}')
})

test('labels stand in the sentences, the links and the rows', () => {
  const rows = [{ label: 'GitHub', text: '{label} is connected', actions: facts.actions }]
  const content = contentOf('access_denied', { ...facts, rows }, undefined, request)
  expect(content.title).toBe('Google is not connected')
  expect(content.actions[0]!.label).toBe('Connect Google')
  expect(content.rows).toEqual([
    { label: 'GitHub', text: 'GitHub is connected', actions: [{ href: '/connect/google', label: 'Connect GitHub' }] },
  ])
})

test('a label with special characters is taken as it is', () => {
  const content = contentOf('access_denied', { ...facts, label: "$& $' {label}" }, undefined, request)
  expect(content.title).toBe("$& $' {label} is not connected")
})

const german = {
  access_denied: { title: '{label} ist nicht verbunden', text: ['Sie haben abgelehnt.'] },
  words: { 'Connect {label}': 'Mit {label} verbinden (Connect)', Details: 'Einzelheiten' },
} as const satisfies Texts

test.each([
  ['an object', german],
  [
    'a function of the request',
    (asked: Request) => (asked.headers.get('accept-language') === 'de' ? german : undefined),
  ],
] as const)('texts of the application by %s replace the English ones, and what is missing is English', (_, texts) => {
  const content = contentOf('access_denied', { ...facts, detail: 'no' }, texts, request)
  expect(content).toMatchObject({
    title: 'Google ist nicht verbunden',
    text: ['Sie haben abgelehnt.'],
    actions: [{ label: 'Mit Google verbinden (Connect)' }],
    detail: { label: 'Einzelheiten', text: 'no' },
  })
  expect(contentOf('failed', facts, texts, request).title).toBe(SENTENCES.failed.title)
  const other = new Request('https://example.com/')
  if (typeof texts === 'function') expect(contentOf('access_denied', facts, texts, other).title).toContain('is not')
})

test('absent facts are absent in the content', () => {
  expect(contentOf('failed', { ...facts, detail: undefined, rows: undefined }, undefined, request)).not.toHaveProperty(
    'detail',
  )
})

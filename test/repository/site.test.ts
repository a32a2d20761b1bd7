import { matchesGlob } from 'node:path'
import { expect, test } from 'vitest'

import { excluded, placeOf, sidebar, siteLink, sitePages, slugify } from '../../docs/.vitepress/site.ts'
import { linksOf, proseOf } from './links.ts'
import { pages, textOf } from './pages.ts'

const links = sidebar.flatMap(({ items }) => items.map(({ link }) => link))

test('the sidebar leads to every page of the site once', () => {
  const places = [...sitePages].map((page) => (page === 'README.md' ? '/' : `/${placeOf(page)}`))
  expect(links.toSorted()).toEqual(places.toSorted())
  expect([...sitePages]).toEqual(expect.arrayContaining(pages.filter((page) => page.startsWith('docs/'))))
  expect(sidebar.filter(({ text, items }) => text === '' || items.length === 0)).toEqual([])
})

test('VitePress makes a page of what the sidebar lists, and of nothing else', () => {
  const made = pages.filter((page) => !excluded.some((pattern) => matchesGlob(page, pattern)))
  expect(made.toSorted()).toEqual([...sitePages].toSorted())
})

test('no two pages have one place on the site', () => {
  expect(new Set([...sitePages].map((page) => placeOf(page))).size).toBe(sitePages.size)
  expect(placeOf('README.md')).toBe('index.md')
  expect(placeOf('docs/guides/login.md')).toBe('guides/login.md')
  expect(placeOf('provider/README.md')).toBe('provider/index.md')
  expect(placeOf('CHANGELOG.md')).toBe('changelog.md')
})

test('links lead from page to page of the site', () => {
  expect(siteLink('README.md', 'docs/guides/login.md#offline-access')).toBe('/guides/login.md#offline-access')
  expect(siteLink('docs/guides/testing.md', '../../provider/README.md')).toBe('/provider/index.md')
  expect(siteLink('docs/errors.md', '#state_mismatch')).toBe('#state_mismatch')
  expect(siteLink('docs/errors.md', 'https://example.com/')).toBe('https://example.com/')
  expect(siteLink('CONTRIBUTING.md', 'src/refresh/lease.ts')).toBeUndefined()
})

// A link to a source is text on the site; a Markdown file that is not a page would be a link that is lost.
test.each([...sitePages])('no link of %s is lost on the site', (page) => {
  const lost = linksOf(page).filter((link) => /\.md(?:#|$)/.test(link) && siteLink(page, link) === undefined)
  expect(lost).toEqual([])
})

// Vue reads HTML as its template, and an unclosed element fails the build.
test.each([...sitePages])('%s has no HTML but anchors and comments', (page) => {
  const text = proseOf(page).replace(/(`+)(?:(?!\1)[\s\S])+\1/g, '')
  expect(text.match(/<(?!a id="[^"]+"><\/a>|\/a>|!--|https?:)[a-z/][^>]*>/gi) ?? []).toEqual([])
})

test('anchors are those of GitHub', () => {
  expect(slugify('`session.fetch` and `retry_after`')).toBe('sessionfetch-and-retry_after')
})

test('VitePress is a package of docs/ alone', () => {
  const { workspaces } = JSON.parse(textOf('package.json')) as { workspaces: string[] }
  expect(workspaces).not.toContain('docs')
  expect(textOf('package-lock.json')).not.toContain('node_modules/vitepress')
  expect(textOf('docs/package-lock.json')).toContain('node_modules/vitepress')
})

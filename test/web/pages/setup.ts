import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { PageContent } from '../../../src/web/pages/content.ts'
import type { DrawnPage, Look } from '../../../src/web/pages/draw.ts'

export const look: Look = { lang: 'en', css: undefined }

export const pageWith = (changes: Partial<PageContent> = {}): PageContent => ({
  status: 200,
  code: 'continue',
  title: 'A title',
  text: ['A sentence.'],
  actions: [],
  ...changes,
})

/** The texts of all elements of a name, as a browser without entities sees them. */
export const elements = (html: string, name: string): string[] =>
  [...html.matchAll(new RegExp(`<${name}\\b[^>]*>([\\s\\S]*?)</${name}>`, 'g'))].map((match) => match[1]!)

export const unescape = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

/** The values of an attribute. */
export const attributes = (html: string, name: string): string[] =>
  [...html.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map((match) => unescape(match[1]!))

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** Checks that the policy allows the page's own style and scripts, and nothing else. */
export function expectOwnPolicy({ headers, html }: DrawnPage): void {
  const directives = headers['content-security-policy']!.split('; ').map((directive) => directive.split(' '))
  const scripts = elements(html, 'script')
  expect(directives).toEqual([
    ['default-src', "'none'"],
    ['style-src', ...elements(html, 'style').map(hashOf)],
    ...(scripts.length === 0 ? [] : [['script-src', ...scripts.map(hashOf)]]),
    ['base-uri', "'none'"],
    ['form-action', "'self'"],
    ['frame-ancestors', "'none'"],
  ])
  // Handlers and style attributes would need more than the hashes.
  expect(html.replaceAll(/="[^"]*"/g, '=')).not.toMatch(/<[^>]* (?:on\w+|style)=/)
}

import { relative } from 'node:path'

import type { MarkdownRenderer } from 'vitepress'

import { siteLink } from './site.ts'

type Token = ReturnType<MarkdownRenderer['parse']>[number]

/** Rewrites the links of a line; what leads to a source file becomes its text. */
function linked(page: string, tokens: readonly Token[]): Token[] {
  let isText = false
  return tokens.filter((token) => {
    if (token.type === 'link_open') {
      const link = siteLink(page, token.attrGet('href') ?? '')
      if (link !== undefined) token.attrSet('href', link)
      isText = link === undefined
      return !isText
    }
    if (token.type !== 'link_close' || !isText) return true
    isText = false
    return false
  })
}

/** Makes a page that is written for GitHub one of the site. */
export const forTheSite =
  (root: string) =>
  (md: MarkdownRenderer): void => {
    md.core.ruler.push('site-links', ({ tokens, env }) => {
      const page = relative(root, env.realPath ?? env.path).replaceAll('\\', '/')
      for (const token of tokens) if (token.children) token.children = linked(page, token.children)
    })
    // Vue would evaluate what stands between two braces. In code it does not.
    const { text } = md.renderer.rules
    md.renderer.rules.text = (...args) => (text?.(...args) ?? '').replaceAll('{{', '&#123;&#123;')
  }

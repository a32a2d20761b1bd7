import { html, type HtmlValue } from './html.ts'
import type { Page } from './page.ts'

/** A page that only says something. */
export function messagePage(title: string, ...paragraphs: readonly HtmlValue[]): Page {
  return {
    title,
    body: html`<h1>${title}</h1>
      ${paragraphs.map((paragraph) => html`<p>${paragraph}</p>`)}`,
  }
}

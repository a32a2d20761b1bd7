import { html } from 'hono/html'
import { layout, leaf, type Page } from './layout.ts'

export interface Message {
  readonly title: string
  /** Paragraphs. */
  readonly text: readonly string[]
  /** What to do now; the first one stands out. */
  readonly links: readonly { readonly href: string; readonly label: string }[]
  /** For whoever wants to know exactly. */
  readonly detail?: string | undefined
}

/** A page that says one thing and what to do about it. */
export function messagePage({ title, text, links, detail }: Message): Page {
  return layout({
    title,
    narrow: true,
    body: html`<main class="message">
      <p class="brand">${leaf} Evergrant</p>
      <h1>${title}</h1>
      ${text.map((paragraph) => html`<p>${paragraph}</p>`)}
      <p class="links">
        ${links.map(({ href, label }, index) => html`<a class="${index === 0 ? 'button' : 'quiet button'}" href="${href}">${label}</a> `)}
      </p>
      ${detail === undefined ? '' : html`<p class="detail">${detail}</p>`}
    </main>`,
  })
}

import { html } from 'hono/html'

/** What `html` makes: values in it are escaped, markup is not. */
export type Html = ReturnType<typeof html>
/** A whole document. */
export type Page = Html

export interface LayoutOptions {
  readonly title: string
  readonly body: Html
  /** Whether the page has something that moves. */
  readonly script?: boolean
  /** For pages that are one message: a narrow column. */
  readonly narrow?: boolean
}

/** The mark: a leaf, drawn with lines. */
export const leaf: Html = html`<svg
  viewBox="0 0 24 24"
  fill="none"
  stroke="currentColor"
  stroke-width="2"
  aria-hidden="true"
>
  <path d="M5 19C4 10 9 5 20 4c0 10-5 16-13 14M5 21c1-6 4-9 9-11" stroke-linecap="round" stroke-linejoin="round" />
</svg>`

/** Wraps a body into a document. */
export function layout({ title, body, script = false, narrow = false }: LayoutOptions): Page {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Evergrant</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/app.css" />
        ${script ? html`<script type="module" src="/app.js"></script>` : ''}
      </head>
      <body class="${narrow ? 'narrow' : ''}">
        ${body}
      </body>
    </html>`
}

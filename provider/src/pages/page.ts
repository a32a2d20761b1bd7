import { paths } from '../endpoints.ts'
import { html, type Html } from './html.ts'

/** One page of the provider. */
export interface Page {
  readonly title: string
  readonly body: Html
}

const leaf = html`<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" aria-hidden="true">
  <path d="M5 19C4 10 9 5 20 4c0 10-5 16-13 14M5 21c1-6 4-9 9-11" stroke-linecap="round" stroke-linejoin="round" />
</svg>`

/** Renders a whole document. */
export function renderPage({ title, body }: Page): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Development provider</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${paths.styleSheet}" />
      </head>
      <body>
        <main>
          <p class="brand">${leaf} Evergrant development provider</p>
          ${body}
        </main>
        <footer><p>For development and tests. Nothing here is kept, and no password is secret.</p></footer>
      </body>
    </html> `.toString()
}

import { metadataOf } from '../endpoints.ts'
import type { ProviderUser } from '../users.ts'
import { html } from './html.ts'
import type { Page } from './page.ts'

/** What the page at the root shows. */
export interface HomePageContent {
  readonly issuer: string
  readonly clientId: string
  readonly users: readonly ProviderUser[]
}

/** The page at the root: what this server is and where its endpoints are. */
export function homePage({ issuer, clientId, users }: HomePageContent): Page {
  const endpoints = Object.entries(metadataOf(issuer))
  return {
    title: 'An authorization server',
    body: html`<h1>An authorization server</h1>
      <p>It behaves like Google's OAuth 2 and OpenID Connect server, for development and tests.</p>
      <p class="soft">
        Users: ${users.map((user, index) => html`${index > 0 && ', '}${user.username} / <code>${user.password}</code>`)}
      </p>
      <p class="soft">Ready client: <code>${clientId}</code></p>
      <dl>
        ${endpoints.map(
          ([name, address]) =>
            html`<dt>${name}</dt>
              <dd><code>${address}</code></dd>`,
        )}
      </dl>`,
  }
}

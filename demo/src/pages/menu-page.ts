import { html } from 'hono/html'
import type { GrantStatus } from 'evergrant'
import type { TokenView } from '../token-view.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { User } from '../web/web-session.ts'
import { layout, leaf, type Page } from './layout.ts'

export interface MenuView {
  readonly user: User
  readonly status: GrantStatus
  readonly token: TokenView
  readonly upstream: Upstream
}

/** The menu. */
export function menuPage({ user, token, upstream }: MenuView): Page {
  return layout({
    title: 'Menu',
    body: html`<main>
      <p class="brand">${leaf} Evergrant</p>
      <h1>${user.name}</h1>
      <p>Connected at ${upstream.title}. Token ${token.fingerprint}, for another ${token.expires_in} s.</p>
      <ul>
        <li><a href="/profile">Profile</a></li>
        <li><a href="/automatic_refresh">Automatic refresh</a></li>
        <li><a href="/manual_refresh">Manual refresh</a></li>
        <li><a href="/validate">Validate</a></li>
      </ul>
      <form method="post" action="/logout"><button>Log out</button></form>
      <form method="post" action="/disconnect"><button>Disconnect</button></form>
    </main>`,
  })
}

import { nameOf, type ProviderUser } from '../users.ts'
import { html, type Html } from './html.ts'
import type { Page } from './page.ts'

/** What the login page shows. */
export interface LoginPageContent {
  /** The address of the interaction, below which the forms post. */
  readonly action: string
  readonly clientName: string
  readonly users: readonly ProviderUser[]
  /** The username to fill in, if any. */
  readonly filled: ProviderUser | undefined
  /** Shown after a failed attempt. */
  readonly problem?: string
}

/** The login page, which names the users and fills one in. */
export function loginPage({ action, clientName, users, filled, problem }: LoginPageContent): Page {
  return {
    title: 'Log in',
    body: html`<h1>Log in</h1>
      <p class="soft">to continue to <strong>${clientName}</strong></p>
      ${problem !== undefined && html`<p class="alarm" role="alert">${problem}</p>`}
      <div class="hint">
        <p>Ready users:</p>
        <ul>
          ${users.map((user) => knownUser(action, user))}
        </ul>
      </div>
      <form method="post" action="${action}/login">
        <div class="field">
          <label for="username">User name</label>
          <input
            id="username"
            name="username"
            type="text"
            value="${filled?.username ?? ''}"
            autocomplete="username"
            autocapitalize="none"
            spellcheck="false"
            required
          />
        </div>
        <div class="field">
          <label for="password">Password</label>
          <input
            id="password"
            name="password"
            type="password"
            value="${filled?.password ?? ''}"
            autocomplete="current-password"
            required
          />
        </div>
        <div class="actions">
          <button type="submit">Log in</button>
          <button type="submit" class="quiet" formaction="${action}/cancel" formnovalidate>Cancel</button>
        </div>
      </form>`,
  }
}

function knownUser(action: string, user: ProviderUser): Html {
  return html`<li>
    <a href="${action}?user=${encodeURIComponent(user.username)}" title="Fill in ${nameOf(user)}">${user.username}</a> /
    <code>${user.password}</code>
  </li>`
}

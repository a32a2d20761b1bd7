import { emailOf, nameOf, type ProviderUser } from '../users.ts'
import { html, type Html } from './html.ts'
import type { Page } from './page.ts'

/** What the account selection shows. */
export interface AccountPageContent {
  readonly action: string
  readonly clientName: string
  readonly users: readonly ProviderUser[]
  /** Who is logged in in this browser. */
  readonly current: ProviderUser
}

/** The account selection: the logged-in user continues at once, another one logs in. */
export function accountPage({ action, clientName, users, current }: AccountPageContent): Page {
  const others = users.filter((user) => user !== current)
  return {
    title: 'Choose an account',
    body: html`<h1>Choose an account</h1>
      <p class="soft">to continue to <strong>${clientName}</strong></p>
      <ul class="accounts">
        <li>
          <form method="post" action="${action}/account">
            <button type="submit" class="account" name="account" value="${current.username}">
              ${face(current)}${identity(current, 'Logged in')}
            </button>
          </form>
        </li>
        ${others.map((user) => html`<li><a class="account" href="${action}?user=${encodeURIComponent(user.username)}">${face(user)}${identity(user, 'Not logged in')}</a></li>`)}
      </ul>
      <form method="post" action="${action}/cancel">
        <div class="actions"><button type="submit" class="quiet">Cancel</button></div>
      </form>`,
  }
}

/** The round picture of a user: the first letter of the name. */
export function face(user: ProviderUser): Html {
  return html`<span class="face" aria-hidden="true">${nameOf(user).charAt(0)}</span>`
}

function identity(user: ProviderUser, state: string): Html {
  return html`<span><strong>${nameOf(user)}</strong><small>${emailOf(user)} · ${state}</small></span>`
}

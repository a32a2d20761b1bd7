import { emailOf, type ProviderUser } from '../users.ts'
import { face } from './account-page.ts'
import { html, type Html } from './html.ts'
import type { Page } from './page.ts'

/** One line of the scope list. */
export interface ScopeChoice {
  readonly scope: string
  readonly description: string
  /** A required scope is shown and cannot be unticked. */
  readonly required: boolean
}

/** What the consent page shows. */
export interface ConsentPageContent {
  readonly action: string
  readonly clientName: string
  readonly user: ProviderUser
  readonly scopes: readonly ScopeChoice[]
  /** Whether access while the user is away is asked for. */
  readonly offline: boolean
}

/** The consent page: each scope can be unticked, and everything denied. */
export function consentPage({ action, clientName, user, scopes, offline }: ConsentPageContent): Page {
  return {
    title: 'Allow access',
    body: html`<h1>${clientName} asks for access</h1>
      <div class="who">${face(user)} <span>${emailOf(user)}</span></div>
      <form method="post" action="${action}/consent">
        <fieldset>
          <legend>It would be allowed to:</legend>
          <ul class="scopes">
            ${scopes.map(choice)}
          </ul>
        </fieldset>
        ${offline && html`<p class="hint">It will also keep this access while you are away, until you take it back.</p>`}
        <div class="actions">
          <button type="submit" name="decision" value="allow">Allow</button>
          <button type="submit" name="decision" value="deny" class="quiet">Deny</button>
        </div>
      </form>`,
  }
}

function choice({ scope, description, required }: ScopeChoice): Html {
  return html`<li>
    <label>
      <input type="checkbox" name="scope" value="${scope}" checked${required && html` disabled`} />
      <span>${description}${required && html` <span class="soft">(needed)</span>`}</span>
      <code>${scope}</code>
    </label>
  </li>`
}

import { html } from 'hono/html'
import type { LiveView } from '../live/live-view.ts'
import type { User } from '../web/web-session.ts'
import { actionsSection } from './actions-section.ts'
import { faultsSection } from './faults-section.ts'
import { layout, leaf, type Html, type Page } from './layout.ts'
import { lifeSection } from './life-section.ts'
import { pairSection } from './pair-section.ts'
import { stormSection } from './storm-section.ts'

export interface MenuView {
  readonly user: User
  readonly view: LiveView
  /** What people call the provider. */
  readonly providerTitle: string
  /** The client's name in `Grants`. */
  readonly client: string
  /** Whether tokens are checked as Google does it; else by introspection. */
  readonly tokenInfo: boolean
  /** How many calls the storm has; absent where the provider is not in this process. */
  readonly stormCalls: number | undefined
  /** Whether two processes can be shown. */
  readonly hasPair: boolean
  /** What the store is called. */
  readonly storeTitle: string
}

/** The page with everything on it. */
export function menuPage(menu: MenuView): Page {
  const { client, hasPair, providerTitle, stormCalls, storeTitle, tokenInfo, user, view } = menu
  return layout({
    title: 'Menu',
    script: true,
    body: html`<a class="skip" href="#main">Skip to the content</a>
      ${header(user)}
      <main id="main">
        ${lifeSection({ view, providerTitle })} ${actionsSection({ client, tokenInfo })}
        ${stormCalls === undefined ? '' : html`${stormSection(stormCalls)} ${faultsSection()}`}
        ${hasPair ? pairSection() : ''}
      </main>
      <footer class="foot">
        <p>
          ${
            stormCalls === undefined
              ? 'The storm, the faults and the two processes are shown with the development provider only: start the demo without another one to see them.'
              : 'The provider and this application run on this machine; the tokens are kept sealed.'
          }
          <span>Store: ${storeTitle}.</span>
        </p>
      </footer>
      <p class="unseen" id="news" aria-live="polite"></p>`,
  })
}

function header({ email, name }: User): Html {
  return html`<header class="top">
    <p class="brand">${leaf} Evergrant</p>
    <div class="account">
      <span class="face" aria-hidden="true">${name.slice(0, 1)}</span>
      <p class="who"><strong>${name}</strong>${email === undefined ? '' : html`<small>${email}</small>`}</p>
      <div class="exits">
        <form method="post" action="/logout"><button class="quiet">Log out</button></form>
        <form method="post" action="/disconnect"><button class="quiet">Disconnect</button></form>
      </div>
    </div>
  </header>`
}

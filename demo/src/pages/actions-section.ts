import { html } from 'hono/html'
import { code } from './code.ts'
import type { Html } from './layout.ts'

export interface ActionsSectionView {
  /** The client's name in `Grants`. */
  readonly client: string
  readonly tokenInfo: boolean
}

interface Action {
  readonly path: string
  readonly title: string
  readonly text: string
  readonly lines: readonly string[]
}

/** The four actions; without JavaScript their links answer with plain JSON. */
export function actionsSection(view: ActionsSectionView): Html {
  return html`<section aria-labelledby="actions-title">
    <header class="head">
      <h2 id="actions-title">Four things to do with a grant</h2>
      <p>Each is three lines. None of them ever asks whether a token is still good.</p>
    </header>
    <div class="actions">${actionsOf(view).map(card)}</div>
  </section>`
}

function actionsOf({ client, tokenInfo }: ActionsSectionView): Action[] {
  const session = `const session = grants.session('${client}', user)`
  return [
    {
      path: '/profile',
      title: 'Profile',
      text: 'Calls a protected resource. Was the token spent, it is a new one by the time the call leaves.',
      lines: [session, 'const response = await session.fetch(url)', 'return response.json()'],
    },
    {
      path: '/automatic_refresh',
      title: 'Automatic refresh',
      text: 'Lets the stored token count as spent by asking for a longer life than it has left; the call renews it first.',
      lines: [
        'const { expiresAt } = await session.token()',
        'const want = { minValidityMs: expiresAt - Date.now() + 1 }',
        'await fetchWith({ token: () => session.token(want) })(url)',
      ],
    },
    {
      path: '/manual_refresh',
      title: 'Manual refresh',
      text: 'Asks for a new token now. Is a refresh under way already, here or in another process, its result is taken.',
      lines: [session, 'const token = await session.refresh()', 'return token.expiresAt'],
    },
    {
      path: '/validate',
      title: 'Validate',
      text: 'Asks the provider what it thinks of the token. The token travels in the body, where no log sees it.',
      lines: tokenInfo
        ? [
            'const access_token = await session.accessToken()',
            'const body = new URLSearchParams({ access_token })',
            "return fetch(url, { method: 'POST', body })",
          ]
        : [session, 'const access_token = await session.accessToken()', 'return client.introspect(access_token)'],
    },
  ]
}

function card({ path, title, text, lines }: Action): Html {
  const id = path.slice(1)
  return html`<article class="card action" aria-labelledby="${id}-title">
    <h3 id="${id}-title">${title}</h3>
    <p>${text}</p>
    ${code(...lines)}
    <p class="run">
      <a class="button" href="${path}" data-action="${path}">Run <code>${path}</code></a>
    </p>
    <div class="answer" data-answer="${path}" aria-live="polite" hidden></div>
  </article>`
}

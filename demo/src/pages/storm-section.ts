import { html } from 'hono/html'
import { code } from './code.ts'
import type { Html } from './layout.ts'

/** The same concurrent calls on an expired token, side by side. */
export function stormSection(calls: number): Html {
  return html`<section class="storm" id="storm" aria-labelledby="storm-title">
    <header class="head">
      <h2 id="storm-title">The storm</h2>
      <p>
        ${calls} calls at once find an expired token. The provider replaces the refresh token at each refresh and
        revokes the grant if an old one is sent again. The storm has two grants of its own, and yours is not used.
      </p>
    </header>
    <p class="run needs-script">
      <button class="big" id="storm-start">Send ${calls} calls with both</button>
      <span class="soft" id="storm-note"></span>
    </p>
    <noscript><p class="soft">The storm needs JavaScript.</p></noscript>
    <div class="sides">
      ${side({
        name: 'usual',
        title: 'The usual code',
        lines: [
          'if (expired(token)) token = await refresh(token)',
          'const authorization = `Bearer ${token.access_token}`',
          'return fetch(url, { headers: { authorization } })',
        ],
        calls,
      })}
      ${side({
        name: 'evergrant',
        title: 'Evergrant',
        lines: ["const session = grants.session('storm', user)", 'return session.fetch(url)', '// that is all'],
        calls,
      })}
    </div>
  </section>`
}

interface Side {
  readonly name: 'usual' | 'evergrant'
  readonly title: string
  readonly lines: readonly string[]
  readonly calls: number
}

function side({ name, title, lines, calls }: Side): Html {
  return html`<article class="card side" id="storm-${name}" aria-labelledby="storm-${name}-title">
    <h3 id="storm-${name}-title">${title}</h3>
    ${code(...lines)}
    <div class="dots" role="img" aria-label="${calls} calls, not started">
      ${Array.from({ length: calls }, () => html`<i></i>`)}
    </div>
    <dl class="counts">
      <div>
        <dt>Redemptions</dt>
        <dd data-count="redemptions">–</dd>
      </div>
      <div>
        <dt>Responses</dt>
        <dd data-count="answered">–</dd>
      </div>
      <div>
        <dt>Grant</dt>
        <dd data-count="grant">–</dd>
      </div>
    </dl>
    <p class="verdict" data-verdict aria-live="polite"></p>
  </article>`
}

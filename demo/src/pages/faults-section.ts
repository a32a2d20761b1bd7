import { html } from 'hono/html'
import { faultSwitches } from '../faults/fault-kinds.ts'
import type { Html } from './layout.ts'

/** The provider's faults as switches, and what the caller, the log and the store saw of them. */
export function faultsSection(): Html {
  return html`<section class="faults" id="faults" aria-labelledby="faults-title">
    <header class="head">
      <h2 id="faults-title">When the provider fails</h2>
      <p>
        Break the provider’s token endpoint, and watch an application go on. This uses another throw-away grant, whose
        profile is called once a second for as long as you watch.
      </p>
    </header>
    <div class="laboratory needs-script">
      <ul class="switches">
        ${faultSwitches.map(
          ({ kind, label, text }) =>
            html`<li>
              <button
                class="switch"
                role="switch"
                aria-checked="false"
                data-switch="${kind}"
                aria-describedby="about-${kind}"
              >
                <span class="slot" aria-hidden="true"></span> ${label}
              </button>
              <p id="about-${kind}">${text}</p>
            </li>`,
        )}
      </ul>
      <div class="pulse card">
        <h3>The application’s calls <code>GET /profile</code></h3>
        <p class="beats" id="beats" role="img" aria-label="No calls yet"></p>
        <p class="verdict" id="lab-verdict" aria-live="polite">Throw a switch to begin.</p>
      </div>
      <div class="saw">
        <article class="card" aria-labelledby="saw-caller">
          <h3 id="saw-caller">The caller got</h3>
          <ul id="lab-caller"></ul>
        </article>
        <article class="card" aria-labelledby="saw-log">
          <h3 id="saw-log">The log said</h3>
          <ul id="lab-log"></ul>
        </article>
        <article class="card" aria-labelledby="saw-store">
          <h3 id="saw-store">The store holds</h3>
          <dl id="lab-store"></dl>
        </article>
      </div>
    </div>
    <noscript><p class="soft">The faults need JavaScript.</p></noscript>
  </section>`
}

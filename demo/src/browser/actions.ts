import { find, make } from './dom.ts'

/** Lets the four links show their answers in place. */
export function startActions(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>('[data-action]')) {
    const path = link.dataset['action'] ?? ''
    const answer = find(`[data-answer="${path}"]`)
    link.addEventListener('click', (event) => {
      // With a key held down the visitor wants another tab.
      if (event.metaKey || event.ctrlKey || event.shiftKey) return
      event.preventDefault()
      if (link.getAttribute('aria-disabled') === 'true') return
      link.setAttribute('aria-disabled', 'true')
      void run(path, answer).finally(() => link.removeAttribute('aria-disabled'))
    })
  }
}

async function run(path: string, answer: HTMLElement): Promise<void> {
  const startedAt = performance.now()
  try {
    const response = await fetch(path, { headers: { accept: 'application/json' } })
    const body = (await response.json()) as Readonly<Record<string, unknown>>
    const ms = Math.round(performance.now() - startedAt)
    const logIn = body['log_in']
    answer.replaceChildren(
      make('p', { class: response.ok ? 'status ok' : 'status failed' }, `${response.status} after ${ms} ms`),
      make('pre', { class: 'json', tabindex: '0' }, JSON.stringify(body, null, 2)),
      ...(typeof logIn === 'string' ? [make('a', { class: 'button', href: logIn }, 'Connect again')] : []),
    )
  } catch {
    answer.replaceChildren(make('p', { class: 'status failed' }, 'The demo did not answer. Does it still run?'))
  }
  answer.hidden = false
}

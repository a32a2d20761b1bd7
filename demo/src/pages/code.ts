import { html } from 'hono/html'
import type { Html } from './layout.ts'

const pattern =
  /(?<comment>\/\/.*)|(?<string>'[^']*'|`[^`]*`)|(?<keyword>\b(?:await|const|if|return)\b)|(?<call>[A-Za-z_]+(?=\())/g

/** Lines of TypeScript with their parts in colours. */
export function code(...lines: readonly string[]): Html {
  const parts = lines.map((line) => html`<span class="line">${colour(line)}</span>`)
  return html`<pre class="code" tabindex="0"><code>${parts}</code></pre>`
}

function colour(line: string): Html[] {
  const parts: Html[] = []
  let end = 0
  for (const match of line.matchAll(pattern)) {
    const [kind] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? []
    parts.push(html`${line.slice(end, match.index)}<span class="${kind ?? ''}">${match[0]}</span>`)
    end = match.index + match[0].length
  }
  return [...parts, html`${line.slice(end)}`]
}

import { slugify } from '../../docs/.vitepress/site.ts'
import { textOf } from './pages.ts'

/** A page without its code, where nothing is a link or a heading. */
export const proseOf = (page: string): string => textOf(page).replace(/^\s*(```+)[^\n]*\n[\s\S]*?^\s*\1\s*$/gm, '')

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of proseOf(page).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    const slug = slugify(text)
    let anchor = slug
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`
    anchors.add(anchor)
  }
  for (const [, id = ''] of proseOf(page).matchAll(/<a id="([^"]+)">/g)) anchors.add(id)
  return anchors
}

/** Where a page's links and pictures lead, as they are written. */
export const linksOf = (page: string): string[] =>
  [
    ...proseOf(page)
      .replace(/`[^`\n]*`/g, '')
      .matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g),
  ].map((match) => match[1]!)

/** The pages of the site, read from the Markdown: nothing here needs VitePress. */
import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface SidebarItem {
  readonly text: string
  readonly link: string
}

export interface SidebarGroup {
  readonly text: string
  readonly items: readonly SidebarItem[]
}

const INDEX = 'docs/library.md'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Where the repository has Markdown that is not part of the documentation. */
export const excluded: readonly string[] = ['bench/**', 'scripts/**', 'src/**', 'test/requests-oauthlib/**']

/** The place of a page on the site: `docs/` is its root, the README its home, and a folder's README the folder's page. */
export function placeOf(page: string): string {
  const path = page.replace(/^docs\//, '').replace(/(^|\/)README\.md$/, '$1index.md')
  return /^[A-Z]+\.md$/.test(path) ? path.toLowerCase() : path
}

/** The index's links, by heading: each page once, under the text of its first link. */
function readIndex(): { readonly heading: string; readonly links: ReadonlyMap<string, string> }[] {
  const seen = new Set<string>()
  const [, ...sections] = readFileSync(join(root, INDEX), 'utf8').split(/^## /m)
  return sections.map((section) => {
    const links = new Map<string, string>()
    for (const [, text = '', path = ''] of section.matchAll(/\[([^\]]+)\]\(([^)#\s]+\.md)(?:#[^)\s]*)?\)/g)) {
      const page = posix.join(posix.dirname(INDEX), path)
      if (!seen.has(page)) links.set(page, text)
      seen.add(page)
    }
    return { heading: section.split('\n', 1)[0] ?? '', links }
  })
}

const index = readIndex()

/** Every page of the site, as a path from the repository's root. */
export const sitePages: ReadonlySet<string> = new Set([
  'README.md',
  INDEX,
  ...index.flatMap(({ links }) => [...links.keys()]),
])

const linkTo = (page: string): string => `/${placeOf(page)}`

export const sidebar: readonly SidebarGroup[] = [
  {
    text: 'Evergrant',
    items: [
      { text: 'Home', link: '/' },
      { text: 'All pages', link: linkTo(INDEX) },
    ],
  },
  ...index.map(({ heading, links }) => ({
    text: heading,
    items: [...links].map(([page, text]) => ({ text: text.replaceAll('`', ''), link: linkTo(page) })),
  })),
]

/** A page's link as the site has it; undefined where the link leads to a file that is not a page, such as a source. */
export function siteLink(page: string, href: string): string | undefined {
  if (/^(?:[a-z][a-z+.-]*:|#)/i.test(href)) return href
  const [path = '', anchor] = href.split('#')
  const target = posix.join(posix.dirname(page), decodeURI(path))
  if (!sitePages.has(target)) return undefined
  return encodeURI(linkTo(target)) + (anchor === undefined ? '' : `#${anchor}`)
}

/** The anchor of a heading, as GitHub makes it. */
export const slugify = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-')

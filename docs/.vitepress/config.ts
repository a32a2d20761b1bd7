import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { defineConfig } from 'vitepress'

import { forTheSite } from './markdown.ts'
import { excluded, placeOf, sidebar, slugify } from './site.ts'

const docs = dirname(dirname(fileURLToPath(import.meta.url)))
const root = dirname(docs)

export default defineConfig({
  title: 'Evergrant',
  description: 'OAuth 2 access tokens that are always fresh.',
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  srcDir: root,
  srcExclude: [...excluded],
  rewrites: placeOf,
  ignoreDeadLinks: false,
  markdown: { anchor: { slugify }, config: forTheSite(root) },
  themeConfig: {
    nav: [
      { text: 'Start', link: '/start/first-program' },
      { text: 'Guides', link: '/guides/login' },
      { text: 'Reference', link: '/reference/options' },
      { text: 'Changes', link: '/changelog' },
    ],
    outline: [2, 3],
    search: { provider: 'local' },
    sidebar: sidebar.map(({ text, items }) => ({ text, items: [...items] })),
  },
  vite: {
    // The repository's other HTML is not part of the site.
    optimizeDeps: { entries: [] },
    server: { watch: { ignored: ['**/node_modules/**', '**/dist/**', '**/coverage/**', '**/bench/results/**'] } },
    plugins: [
      {
        // One Vue for all: the repository's root has none, and pages are below it.
        name: 'vue-of-docs',
        enforce: 'pre',
        // VitePress lists its packages for Vite to bundle first, and Vite looks for them in the root. It finds them later.
        config: {
          order: 'post',
          handler({ optimizeDeps }) {
            if (optimizeDeps?.include) optimizeDeps.include = optimizeDeps.include.filter((id) => !id.includes(' > '))
          },
        },
        resolveId(id, importer, { ssr }) {
          if (!/^vue(?:\/|$)/.test(id)) return null
          if (ssr) return { id, external: true }
          return importer?.endsWith('.md') ? this.resolve(id, join(docs, 'library.md'), { skipSelf: true }) : null
        },
      },
    ],
  },
})

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { Hono } from 'hono'

const demoFolder = join(import.meta.dirname, '..', '..')
const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

interface Asset {
  readonly body: string
  readonly type: string
  readonly etag: string
}

/** The files that pages load, read once. Browsers ask each time whether theirs is still right. */
export function assetRoutes(): Hono {
  const app = new Hono()
  for (const [path, { body, etag, type }] of readAssets()) {
    app.get(path, (c) => {
      const headers = { 'cache-control': 'no-cache', etag }
      if (c.req.header('if-none-match') === etag) return c.body(null, 304, headers)
      return c.body(body, 200, { ...headers, 'content-type': type })
    })
  }
  return app
}

/** What stands in `public/`, the compiled scripts of `src/browser/`, and the style sheets as one. */
function readAssets(): Map<string, Asset> {
  const assets = new Map<string, Asset>()
  for (const folder of [join(demoFolder, 'public'), join(demoFolder, 'dist', 'browser')]) {
    for (const name of readdirSync(folder)) {
      const type = types[extname(name)]
      if (type !== undefined) assets.set(`/${name}`, makeAsset(readFileSync(join(folder, name), 'utf8'), type))
    }
  }
  const styles = join(demoFolder, 'public', 'styles')
  const sheets = readdirSync(styles).sort()
  const sheet = sheets.map((name) => readFileSync(join(styles, name), 'utf8')).join('\n')
  return assets.set('/app.css', makeAsset(sheet, 'text/css; charset=utf-8'))
}

function makeAsset(body: string, type: string): Asset {
  return { body, type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
}

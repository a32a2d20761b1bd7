import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Hono } from 'hono'

const demoFolder = join(import.meta.dirname, '..', '..')
const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
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

/** What stands in `public/`, and the compiled scripts of `src/browser/`. */
function readAssets(): Map<string, Asset> {
  const assets = new Map<string, Asset>()
  for (const folder of [join(demoFolder, 'public'), join(demoFolder, 'dist', 'browser')]) {
    for (const name of readdirSync(folder)) {
      const type = types[name.slice(name.lastIndexOf('.') + 1)]
      if (type === undefined) continue
      const body = readFileSync(join(folder, name), 'utf8')
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
      assets.set(`/${name}`, { body, type, etag })
    }
  }
  return assets
}

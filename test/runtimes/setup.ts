import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

/** A provider and an API over real connections: refresh tokens rotate and each is taken once, and the API takes the newest access token. */
export async function startServer(): Promise<{ readonly origin: string; readonly server: Server }> {
  const redeemed = new Set<string>()
  const newest = new Map<string, string>()
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      response.setHeader('content-type', 'application/json')
      if (request.url === '/hang') return
      if (request.url === '/api') {
        const [grant = ''] = /[^ ]+(?=-\d+$)/.exec(request.headers.authorization ?? '') ?? []
        if (request.headers.authorization !== `Bearer ${newest.get(grant)}`) response.statusCode = 401
        response.end(JSON.stringify({ body }))
        return
      }
      const token = new URLSearchParams(body).get('refresh_token') ?? ''
      const [, grant = '', count = ''] = /^(.+)-(\d+)$/.exec(token) ?? []
      if (redeemed.has(token) || grant === '') {
        response.statusCode = 400
        response.end('{ "error": "invalid_grant" }')
        return
      }
      redeemed.add(token)
      newest.set(grant, `${grant}-${count}`)
      const successor = `${grant}-${Number(count) + 1}`
      response.end(
        JSON.stringify({
          access_token: newest.get(grant),
          token_type: 'Bearer',
          expires_in: 3600,
          refresh_token: successor,
        }),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

/** One file of an entry of this folder and the library: what it loads later is in it too. */
export async function bundled(entry: string): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL(entry, import.meta.url)),
    platform: 'neutral',
    external: ['cloudflare:workers', /^node:/],
    logLevel: 'silent',
  })
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false })
  await bundle.close()
  return output[0].code
}

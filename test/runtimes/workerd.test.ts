import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CHECKS } from './checks.ts'
import { bundled, startServer } from './setup.ts'

/** A token endpoint that takes its time, and counts. */
let redeemed: string[] = []
/** What was revoked. The first request for each token fails. */
let revoked: string[] = []
const refusedOnce = new Set<string>()
const provider = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => (body += chunk))
  request.on('end', () => {
    if (request.url === '/revoke') {
      const token = new URLSearchParams(body).get('token') ?? ''
      if (refusedOnce.has(token)) revoked.push(token)
      response.statusCode = refusedOnce.has(token) ? 200 : 503
      refusedOnce.add(token)
      response.end()
      return
    }
    redeemed.push(new URLSearchParams(body).get('refresh_token') ?? '')
    const count = redeemed.length
    setTimeout(() => {
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({
          access_token: `at${count}`,
          token_type: 'bearer',
          refresh_token: `rt${count}`,
          expires_in: 3600,
        }),
      )
    }, 300)
  })
})

let worker: Miniflare
let checked: Awaited<ReturnType<typeof startServer>>

beforeAll(async () => {
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  checked = await startServer()
  worker = new Miniflare({
    compatibilityDate: '2026-04-01',
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: await bundled('worker-entry.ts') }],
    bindings: {
      PROVIDER: `http://127.0.0.1:${(provider.address() as AddressInfo).port}`,
      CHECKED: checked.origin,
    },
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      stdout.resume()
      stderr.resume()
    },
  })
  await worker.ready
}, 60_000)

afterAll(async () => {
  await worker.dispose()
  provider.close()
  checked.server.closeAllConnections()
  checked.server.close()
})

async function get(path: string): Promise<string> {
  const response = await worker.dispatchFetch(`http://worker.example${path}`)
  return response.text()
}

for (const mode of ['waitUntil', 'detached', 'none']) {
  test(`ten requests that leave early block no later one (background: ${mode})`, async () => {
    redeemed = []
    expect(await get(`/save?mode=${mode}`)).toBe('saved')
    for (let count = 0; count < 10; count += 1) expect(await get(`/leave?mode=${mode}`)).toBe('left')
    // Where the host ended the request with its work, lease and settle time are waited for, as after a crash.
    let answer = ''
    for (let tries = 0; tries < 200 && !answer.startsWith('at'); tries += 1) {
      answer = await get(`/token?mode=${mode}`)
      if (answer === 'provider_unavailable') await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(answer).toMatch(/^at[12]$/)
    if (mode === 'waitUntil') expect(redeemed).toEqual(['rt0'])
    expect(await get(`/token?mode=${mode}`)).toBe(answer)
    expect(new Set(redeemed)).toEqual(new Set(['rt0']))
  }, 60_000)
}

for (const mode of ['waitUntil', 'detached']) {
  test(`each request that disconnects repeats its own failed revocation (background: ${mode})`, async () => {
    revoked = []
    const tokens = [`${mode}-1`, `${mode}-2`]
    for (const token of tokens) {
      await get(`/save?mode=${mode}&refresh_token=${token}`)
      expect(await get(`/disconnect?mode=${mode}`)).toBe('disconnected')
    }
    if (mode === 'waitUntil') await expect.poll(() => revoked.toSorted(), { timeout: 10_000 }).toEqual(tokens)
  }, 60_000)
}

test.each(Object.keys(CHECKS))('in workerd, %s', async (name) => {
  expect(JSON.parse(await get(`/check?name=${encodeURIComponent(name)}`))).toEqual({ name })
})

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { Miniflare } from 'miniflare'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** A token endpoint that takes its time, and counts. */
let redeemed: string[] = []
const provider = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => (body += chunk))
  request.on('end', () => {
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

beforeAll(async () => {
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  const bundle = await rolldown({
    input: fileURLToPath(new URL('worker-entry.ts', import.meta.url)),
    platform: 'neutral',
    external: ['cloudflare:workers', /^node:/],
    logLevel: 'silent',
  })
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false })
  worker = new Miniflare({
    compatibilityDate: '2026-04-01',
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: output[0].code }],
    bindings: { PROVIDER: `http://127.0.0.1:${(provider.address() as AddressInfo).port}` },
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

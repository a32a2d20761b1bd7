import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { pause } from './world.ts'

/** One token request as it passed between a client and the provider. */
export interface Entry {
  readonly presented: string
  /** The refresh token in the provider's response, or undefined if there was none. */
  readonly issued: string | undefined
  readonly error: string | undefined
  readonly arrivedAt: number
}

/**
 * A token endpoint between the clients and the provider. It records the refresh token that each one was redeemed for,
 * and can be unreachable.
 */
export interface Ledger {
  readonly url: string
  readonly entries: readonly Entry[]
  /** Number of token requests that have arrived, forwarded or not. */
  readonly arrived: number
  /** Number of requests between arrival and response. */
  readonly underway: number
  /** Withholds the responses from now on until the returned function is called. */
  hold(): () => void
  /** Refuses connections, as a provider that is down, and closes the open ones. */
  down(): Promise<void>
  /** Listens again, on the same port. */
  up(): Promise<void>
  close(): Promise<void>
}

/**
 * A request waits at random up to `delayMs` on its way to the provider, and its response up to `delayMs` on its way
 * back.
 */
export async function startLedger(tokenEndpoint: string, options: { readonly delayMs?: number } = {}): Promise<Ledger> {
  const { delayMs = 0 } = options
  const entries: Entry[] = []
  const counts = { arrived: 0, underway: 0 }
  const delay = (): Promise<void> => pause(Math.random() * delayMs)

  let held: Promise<void> | undefined

  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const arrivedAt = performance.now()
    counts.arrived += 1
    const body = await text(request)
    await delay()
    const { authorization = '', 'content-type': type = '' } = request.headers
    const headers = { authorization, 'content-type': type }
    // A request is processed even if its client has been killed.
    const answer = await fetch(tokenEndpoint, { method: 'POST', headers, body })
    const content = await answer.text()
    const { refresh_token: issued, error } = JSON.parse(content) as { refresh_token?: string; error?: string }
    entries.push({ presented: new URLSearchParams(body).get('refresh_token') ?? '', issued, error, arrivedAt })
    await delay()
    await held
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(content)
  }

  let server: Server | undefined
  let port = 0
  const up = async (): Promise<void> => {
    const made = createServer((request, response) => {
      counts.underway += 1
      pass(request, response)
        .catch(() => response.destroy())
        .finally(() => (counts.underway -= 1))
    })
    await new Promise<void>((resolve) => made.listen(port, '127.0.0.1', resolve))
    port = (made.address() as AddressInfo).port
    server = made
  }
  const down = async (): Promise<void> => {
    const ended = new Promise((resolve) => server?.close(resolve))
    server?.closeAllConnections()
    await ended
  }
  await up()
  return {
    url: `http://127.0.0.1:${port}/token`,
    entries,
    get arrived() {
      return counts.arrived
    },
    get underway() {
      return counts.underway
    },
    hold: () => {
      let release = (): void => undefined
      held = new Promise((resolve) => (release = resolve))
      return release
    },
    down,
    up,
    close: down,
  }
}

/** One process of `processes.test.ts`: its own Grants over the shared SQLite file, controlled by its parent. */
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import type { ServerMetadata } from '../../src/model/provider.ts'
import { keyRing } from '../../src/seal/index.ts'
import type { OAuth2Session } from '../../src/session.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import { travellingClock, type TravellingClock } from './travelling-clock.ts'

export type Order =
  | {
      readonly kind: 'start'
      readonly server: ServerMetadata
      readonly clientId: string
      readonly clientSecret: string
      readonly file: string
      readonly keys: string
      readonly timeoutMs: number
      readonly policy: { readonly leaseMs: number; readonly settleMs: number }
    }
  /** Advances its time, then makes this number of concurrent calls for the token. */
  | {
      readonly kind: 'storm'
      readonly id: number
      readonly callers: number
      readonly travelMs: number
      readonly rejected?: string
    }
  | { readonly kind: 'stop' }

export interface Result {
  readonly id: number
  readonly tokens: readonly string[]
  readonly failures: readonly string[]
  readonly events: readonly string[]
}

let grants: Grants<{ acme: OAuth2Client }>
let session: OAuth2Session
let clock: TravellingClock
let events: string[] = []

function start(order: Extract<Order, { kind: 'start' }>): void {
  clock = travellingClock()
  const acme = new OAuth2Client({
    provider: { name: 'acme', server: order.server },
    clientId: order.clientId,
    clientSecret: order.clientSecret,
    timeoutMs: order.timeoutMs,
    clock,
  })
  const store = sqliteStore(order.file, { clock })
  grants = new Grants({ clients: { acme }, store, keys: keyRing(order.keys), clock, policy: order.policy })
  for (const name of ['refreshed', 'refresh_failed', 'reauthorization_required', 'save_delayed'] as const) {
    grants.on(name, () => void events.push(name))
  }
  session = grants.session('acme', 'alice')
}

async function storm({ id, callers, travelMs, rejected }: Extract<Order, { kind: 'storm' }>): Promise<Result> {
  clock.travel(travelMs)
  const settled = await Promise.allSettled(
    Array.from({ length: callers }, () => session.accessToken(rejected === undefined ? {} : { rejected })),
  )
  const tokens = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failures = settled.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []))
  const result = { id, tokens: [...new Set(tokens)], failures: [...new Set(failures)], events }
  events = []
  return result
}

process.on('message', (order: Order) => {
  if (order.kind === 'start') {
    start(order)
    process.send?.('ready')
  } else if (order.kind === 'storm') void storm(order).then((result) => process.send?.(result))
  else void grants.close().then(() => process.disconnect())
})

import type { Backend, Write } from '../../src/stores/backend.ts'
import { storeOver } from '../../src/stores/index.ts'
import { MapBackend } from './map-backend.ts'

export const key = { client: 'c', subject: 's', account: '' }
export const name = JSON.stringify(['c', 's', ''])
export const content = { state: 'active', sealed: 'x', renewable: true } as const
export const grant = { id: '1', schema: 1, issuer: 'i', clientId: 'c', ...content } as const
export const request = {
  id: '1',
  version: 1,
  owner: 'o',
  leaseMs: 15_000,
  settleMs: 0,
  intent: { hash: 'h', sendWithinMs: 5000 },
}

/** Counts its trips, and does something before a swap arrives. */
class Slow extends MapBackend {
  trips: string[] = []
  writes: Write[] = []
  before: (() => unknown)[] = []
  override async read(key: string): ReturnType<Backend['read']> {
    this.trips.push('read')
    return super.read(key)
  }
  override async swap(...args: Parameters<Backend['swap']>): ReturnType<Backend['swap']> {
    this.trips.push('swap')
    this.writes.push(args[3])
    await this.before.shift()?.()
    return super.swap(...args)
  }
}
/** A store over a Map whose time is moved, with one grant in it. */
export async function slow() {
  const time = { now: 1_000_000 }
  const backend = new Slow(() => time.now)
  const store = storeOver(backend, { clock: { now: () => time.now, monotonic: () => time.now } })
  const { record } = await store.put(key, grant)
  backend.trips.length = backend.writes.length = 0
  const late = (...all: number[]) => void (backend.before = all.map((ms) => () => void (time.now += ms)))
  return { time, backend, store, record, late, swaps: () => backend.trips.filter((t) => t === 'swap').length }
}

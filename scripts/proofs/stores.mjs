import { parseArgs } from 'node:util'

import { clear, placeOf, serverOf, STORE_KINDS, TOPOLOGIES } from '../../test/processes/stores.ts'
import { startPgbouncer } from '../../test/servers/start-pgbouncer.ts'
import { startPostgres } from '../../test/servers/start-postgres.ts'
import { startRedisCluster } from '../../test/servers/start-redis-cluster.ts'
import { startRedis } from '../../test/servers/start-redis.ts'
import { during, say } from '../progress.mjs'

const STARTS = {
  postgres: startPostgres,
  redis: startRedis,
  pgbouncer: async () => {
    const behind = await startPostgres()
    const pooler = behind && (await startPgbouncer(behind.url))
    return (
      pooler && {
        url: pooler.url,
        stop: async () => {
          await pooler.stop()
          await behind.stop()
        },
      }
    )
  },
  cluster: async () => {
    const cluster = await startRedisCluster()
    return cluster && { url: cluster.ports.map((port) => `redis://127.0.0.1:${port}`).join(), stop: cluster.stop }
  },
}

export const ALL_KINDS = [...STORE_KINDS, ...TOPOLOGIES]

/**
 * Reads `--name value` flags: numbers, and `--store`, which may be repeated.
 * @template {Record<string, number>} T
 * @param {T} defaults
 * @param {readonly string[]} among the kinds of store that the proof is for
 * @returns {T & { kinds: readonly string[] }}
 */
export function flags(defaults, among = STORE_KINDS) {
  const names = Object.keys(defaults).map((name) => [name, { type: 'string' }])
  const options = { ...Object.fromEntries(names), store: { type: 'string', multiple: true } }
  const { values } = parseArgs({ options })
  const numbers = Object.entries(defaults).map(([name, value]) => [name, Number(values[name] ?? value)])
  const kinds = among.filter((kind) => values.store === undefined || values.store.includes(kind))
  return { ...Object.fromEntries(numbers), kinds }
}

/** A server of this proof's own for a store of this kind, where it needs one. */
async function serverFor(kind) {
  const name = serverOf(kind)
  if (name === undefined) return undefined
  const server = await during(`Starting a server for ${kind}`, STARTS[name])
  if (server === undefined) throw new Error(`The proof needs ${kind}: install it (see CONTRIBUTING.md).`)
  return server
}

/** Runs `work` with a server for a store of this kind, where it needs one, and ends that. */
export async function withServer(kind, work) {
  const server = await serverFor(kind)
  try {
    return await work(server)
  } finally {
    await server?.stop()
  }
}

/** Runs `work` with a place in a store of this kind on that server, and removes it. */
export async function inPlace(kind, server, work) {
  const place = placeOf(kind, server?.url)
  try {
    return await work(place)
  } finally {
    await clear(place)
  }
}

/** Runs `work` with a place in a store of this kind, on a server of its own, and removes both. */
export function withPlace(kind, work) {
  return withServer(kind, (server) => inPlace(kind, server, work))
}

/** Prints one row of figures, and marks the run as failed when they are not what was promised. */
export function show(kind, promised, figures) {
  const text = Object.entries(figures).map(([name, value]) => `${name} ${format(value)}`)
  say(`${promised ? 'kept  ' : 'BROKEN'} ${kind.padEnd(27)} ${text.join(', ')}`)
  if (!promised) process.exitCode = 1
}

function format(value) {
  if (typeof value === 'number')
    return Number.isInteger(value) ? value.toLocaleString('en') : value.toFixed(value < 10 ? 2 : 1)
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

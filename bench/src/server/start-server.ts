import { fork } from 'node:child_process'
import { join } from 'node:path'

import {
  control,
  DEFAULT_BEHAVIOUR,
  type Behaviour,
  type ServerPlace,
  type ServerStats,
  type Token,
} from './protocol.ts'

/** A token `expiring` is good for so much longer, in seconds. */
export const EXPIRING_S = 100

const AGES_S = {
  fresh: (): number => 0,
  half: (lifetimeS: number): number => lifetimeS / 2,
  expiring: (lifetimeS: number): number => lifetimeS - EXPIRING_S,
  expired: (lifetimeS: number): number => lifetimeS + 60,
} as const

/** How old a token is. */
export type Age = keyof typeof AGES_S

/** The server that all contestants of a table speak to, in a process of its own. */
export interface BenchServer {
  /** What a contestant's process is given. */
  readonly place: ServerPlace
  /** New grants. */
  mint(age: Age, count?: number): Promise<readonly Token[]>
  /** One new grant. */
  logIn(age: Age): Promise<Token>
  configure(behaviour: Partial<Behaviour>): Promise<void>
  stats(): Promise<ServerStats>
  /** Counts from 0 again. */
  resetStats(): Promise<void>
  close(): Promise<void>
}

/** Starts the server. It ends with this process, at the latest. */
export async function startServer(behaviour: Partial<Behaviour> = {}): Promise<BenchServer> {
  const child = fork(join(import.meta.dirname, 'program.ts'), { execArgv: [] })
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(message as number))
    child.once('exit', (code) => reject(new Error(`The server ended with code ${code} before it listened.`)))
  })
  const issuer = `http://127.0.0.1:${port}`
  const endpoints = { issuer, tokenEndpoint: `${issuer}/token`, resource: `${issuer}/resource` }
  const place = { ...endpoints, clientId: 'bench', clientSecret: 'bench-secret' }
  let { lifetimeS } = DEFAULT_BEHAVIOUR
  const configure = async (change: Partial<Behaviour>): Promise<void> => {
    lifetimeS = change.lifetimeS ?? lifetimeS
    await control(place, 'configure', change)
  }
  const mint = (age: Age, count = 1) => control(place, 'mint', { count, ageS: AGES_S[age](lifetimeS) })
  await configure(behaviour)
  return {
    place,
    mint,
    logIn: async (age) => {
      const [token] = await mint(age)
      if (token === undefined) throw new Error('The server minted no grant.')
      return token
    },
    configure,
    stats: () => control(place, 'stats', null),
    resetStats: async () => void (await control(place, 'reset', null)),
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill()
      }),
  }
}

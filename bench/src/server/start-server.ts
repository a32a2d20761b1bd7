import { fork } from 'node:child_process'
import { join } from 'node:path'
import { control, mintAt } from './control.ts'
import {
  CLIENT_ID,
  CLIENT_SECRET,
  DEFAULT_BEHAVIOUR,
  type Behaviour,
  type Minted,
  type MintOrder,
  type Redeemed,
  type ServerStats,
} from './protocol.ts'

/** The server that all contestants of a table speak to, in a process of its own. */
export interface BenchServer {
  readonly issuer: string
  readonly tokenEndpoint: string
  /** An API on the same origin. */
  readonly resource: string
  readonly clientId: string
  readonly clientSecret: string
  /** New grants; `ageS`: their access tokens were had so many seconds ago. */
  mint(order?: Partial<MintOrder>): Promise<Minted[]>
  /** New grants whose access tokens are spent. */
  mintSpent(count?: number): Promise<Minted[]>
  configure(behaviour: Partial<Behaviour>): Promise<void>
  /** The API answers 401 to this access token from now on. */
  refuse(accessToken: string): Promise<void>
  /** Redeems at once, whatever is wrong with the token endpoint, and counts no token request: another process's redemption. Answers the new tokens. */
  redeem(refreshToken: string): Promise<Redeemed>
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
  let lifetimeS = DEFAULT_BEHAVIOUR.lifetimeS
  const ask = (path: string, body: string): Promise<unknown> => control(issuer, path, body)
  const configure = async (change: Partial<Behaviour>): Promise<void> => {
    lifetimeS = change.lifetimeS ?? lifetimeS
    await ask('/configure', JSON.stringify(change))
  }
  const mint = ({ ageS = 0, count = 1 }: Partial<MintOrder> = {}): Promise<Minted[]> => mintAt(issuer, { ageS, count })
  await configure(behaviour)
  return {
    issuer,
    tokenEndpoint: `${issuer}/token`,
    resource: `${issuer}/resource`,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    mint,
    mintSpent: (count = 1) => mint({ count, ageS: lifetimeS + 60 }),
    configure,
    refuse: async (accessToken) => void (await ask('/refuse', accessToken)),
    redeem: async (refreshToken) => (await ask('/redeem', refreshToken)) as Redeemed,
    stats: async () => (await ask('/stats', '')) as ServerStats,
    resetStats: async () => void (await ask('/reset', '')),
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill()
      }),
  }
}

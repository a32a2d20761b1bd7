import {
  importToken,
  OAuth2Client,
  OAuth2Session,
  type OAuth2ClientOptions,
  type OAuth2SessionOptions,
  type Provider,
  type Token,
} from '../../src/index.ts'
import {
  fakeClock,
  scriptedProvider,
  type FakeClock,
  type IssuedToken,
  type ScriptedProvider,
  type ScriptedProviderOptions,
} from '../../src/testing/index.ts'

export const HOUR = 3_600_000

export interface StageOptions {
  /** Where the clock begins. */
  readonly now?: number
  readonly rules?: Omit<ScriptedProviderOptions, 'clock'>
  readonly provider?: Partial<Provider>
  readonly client?: Partial<OAuth2ClientOptions>
}

export interface Stage {
  readonly clock: FakeClock
  readonly scripted: ScriptedProvider
  readonly client: OAuth2Client
  /** A session with a token of the provider, which its members can spoil. */
  session(members?: object, options?: OAuth2SessionOptions): OAuth2Session & { readonly issued: IssuedToken }
}

/** A provider in memory, a clock that stands still, and one client of the provider. */
export function stage(options: StageOptions = {}): Stage {
  const clock = fakeClock(options.now === undefined ? {} : { now: options.now })
  const scripted = scriptedProvider({ ...options.rules, clock })
  const all = {
    provider: { ...scripted.provider, ...options.provider },
    clientId: 'client-id',
    clientSecret: 'client-secret',
    redirectUri: 'https://app.example/callback',
    fetch: scripted.fetch,
    clock,
    ...options.client,
  }
  // An option that is undefined is left out: a public client has no secret at all.
  const given = Object.entries(all).filter(([, value]) => value !== undefined)
  const client = new OAuth2Client(Object.fromEntries(given) as typeof all)
  const session: Stage['session'] = (members = {}, more = {}) => {
    const issued = scripted.issue({ scope: 'read' })
    return Object.assign(new OAuth2Session(client, { token: { ...issued, ...members }, ...more }), { issued })
  }
  return { clock, scripted, client, session }
}

/** The two ways to a token that every fix for a provider's ways has to cover. */
export const ways: Readonly<Record<string, (on: Stage) => Promise<Token>>> = {
  'a code exchange': async ({ client, scripted }) => {
    const pending = await client.authorizationRequest()
    return client.exchangeCode(scripted.login(pending.url), pending)
  },
  'a refresh': async ({ client, clock, scripted }) => {
    return client.refresh(importToken(scripted.issue({ scope: 'read' }), { now: clock.now() }))
  },
}

export const wayNames: readonly string[] = Object.keys(ways)

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  throw new Error('expected a rejection')
}

/** The parameters of a form or a query, also those that come twice. */
export function entries(params: URLSearchParams): Record<string, string> {
  const all = [...params]
  const result = Object.fromEntries(all)
  if (all.length !== Object.keys(result).length) throw new Error(`a parameter comes twice: ${params.toString()}`)
  return result
}

/** The Authorization header of HTTP Basic. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

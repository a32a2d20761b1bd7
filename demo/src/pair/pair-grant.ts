import { randomBytes, randomUUID } from 'node:crypto'
import { startProvider, type DevelopmentProvider } from '@evergrant/provider'
import { Grants, OAuth2Client, type GrantStore } from 'evergrant'
import type { GrantRecord } from 'evergrant/store'
import { keyRing } from 'evergrant/seal'
import { openStore, type OpenedStore } from '../store/open-store.ts'
import type { StoreChoice } from '../store/store-choice.ts'
import type { WorkerOrder } from './messages.ts'
import { pairTimes } from './pair-times.ts'

/** The client's name in `Grants`. */
const clientName = 'two-processes'
/** Nothing of a performance is older. */
const abandonedMs = 2 * pairTimes.longestMs

/** A throw-away grant in the demo's store, with a provider of its own. */
export interface PairGrant {
  readonly provider: DevelopmentProvider
  /** What each of the two processes is told. */
  readonly order: WorkerOrder
  isAlive(): Promise<boolean>
  /** Removes the grant and ends the provider. */
  close(): Promise<void>
}

export interface PairGrantOptions {
  readonly store: StoreChoice
  /** Sealing keys in `keyRing`'s form. */
  readonly keys: string
  readonly onError: (error: Error) => void
}

/** Starts a provider that is slow to answer and forgives a repeat for a while, and stores a grant of it. */
export async function openPairGrant({ keys, onError, store: choice }: PairGrantOptions): Promise<PairGrant> {
  const opened = await openStore(choice)
  const { store } = opened
  const clientSecret = randomBytes(16).toString('base64url')
  let provider: DevelopmentProvider | undefined
  try {
    provider = await startSlowProvider(clientSecret, onError)
    const order = orderFor(provider, { choice, keys, clientSecret })
    const { client, policy, subject } = order
    const grants = new Grants({
      clients: { [clientName]: new OAuth2Client(client) },
      store,
      keys: keyRing(keys),
      policy,
    })
    // Grants that a demo left behind which was cut short; those of another instance are younger.
    await sweep(store, ({ key, updatedAt }) => key.subject !== subject && updatedAt < Date.now() - abandonedMs)
    const [token] = await provider.mint()
    if (token === undefined) throw new Error('The provider minted no grant.')
    await grants.save(clientName, subject, token)
    return {
      provider,
      order,
      isAlive: async () => (await grants.status(clientName, subject))?.state === 'active',
      close: async () => {
        try {
          await sweep(store, ({ key }) => key.subject === subject)
        } finally {
          await grants.close()
          await endBoth(opened, provider)
        }
      },
    }
  } catch (error) {
    await store.close()
    await endBoth(opened, provider)
    throw error
  }
}

async function endBoth(opened: OpenedStore, provider: DevelopmentProvider | undefined): Promise<void> {
  await opened.end()
  await provider?.close()
}

async function startSlowProvider(clientSecret: string, onError: (error: Error) => void): Promise<DevelopmentProvider> {
  const { answerMs, graceMs, lifetimeMs } = pairTimes
  const provider = await startProvider({
    accessTokenLifetimeMs: lifetimeMs,
    rotate: true,
    reuse: graceMs,
    clientId: clientName,
    clientSecret,
    onError,
  })
  provider.fault({ kind: 'hang', ms: answerMs, process: 'first' }, { times: Infinity })
  return provider
}

function orderFor(
  { metadata }: DevelopmentProvider,
  {
    choice,
    clientSecret,
    keys,
  }: { readonly choice: StoreChoice; readonly clientSecret: string; readonly keys: string },
): WorkerOrder {
  const { callEveryMs, earlyMs, graceMs, leaseMs, settleMs, timeoutMs } = pairTimes
  return {
    store: choice,
    keys,
    clientName,
    client: {
      provider: {
        name: clientName,
        server: { ...metadata },
        refresh: { rotates: true, reuseGraceMs: graceMs },
      },
      clientId: clientName,
      clientSecret,
      timeoutMs,
    },
    policy: { earlyMs, leaseMs, settleMs },
    subject: randomUUID(),
    tokenUrl: metadata.token_endpoint,
    resourceUrl: metadata.userinfo_endpoint,
    callEveryMs,
  }
}

/** Deletes without telling the provider: it ends, or has ended, too. */
async function sweep(store: GrantStore, isGarbage: (record: GrantRecord) => boolean): Promise<void> {
  for await (const record of store.list({ client: clientName })) {
    if (isGarbage(record)) await store.delete(record.key, { id: record.id })
  }
}

import type { DevelopmentProvider, TokenAnswer } from '@evergrant/provider'
import type { Grants } from 'evergrant'
import { runSide, type StormSide } from './storm-side.ts'
import { UsualClient } from './usual-code.ts'

export interface StormParts {
  readonly provider: DevelopmentProvider
  /** The clients at the provider, one for each side, so that it counts them apart. */
  readonly usual: { readonly clientId: string; readonly clientSecret: string }
  readonly evergrant: { readonly clientId: string; /** Its name in `grants`. */ readonly name: string }
  readonly grants: Grants
  readonly userInfoUrl: string
}

export interface StormResult {
  readonly count: number
  readonly usual: StormSide
  readonly evergrant: StormSide
}

/** The storm: the same concurrent calls on an expired token, with the usual code and with Evergrant. */
export class Storm {
  readonly #parts: StormParts
  #running: Promise<StormResult> | undefined

  constructor(parts: StormParts) {
    this.#parts = parts
  }

  /** Runs both sides, one after the other so that neither slows the other; who comes meanwhile gets the same result. */
  run(count: number): Promise<StormResult> {
    this.#running ??= this.#run(count).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #run(count: number): Promise<StormResult> {
    return { count, usual: await this.#usual(count), evergrant: await this.#evergrant(count) }
  }

  async #usual(count: number): Promise<StormSide> {
    const { provider, usual, userInfoUrl } = this.#parts
    const token = await this.#mint(usual.clientId)
    let asked: () => void = () => {}
    const client = new UsualClient({
      ...usual,
      token: { ...token, expires_at: Date.now() },
      tokenEndpoint: provider.metadata.token_endpoint,
      onRefresh: () => asked(),
    })
    return runSide({
      count,
      call: (note) => {
        // The check and the refresh run before the call first waits, so the note is this call's.
        asked = note
        return client.fetch(userInfoUrl)
      },
      isAlive: () => client.isAlive(),
      stats: () => provider.stats(usual.clientId),
    })
  }

  async #evergrant(count: number): Promise<StormSide> {
    const { evergrant, grants, provider, userInfoUrl } = this.#parts
    const { clientId, name } = evergrant
    const subject = 'somebody'
    await this.#sweep()
    const refreshes: number[] = []
    const stop = grants.on('refreshed', ({ key, at, durationMs }) => {
      if (key.client === name) refreshes.push(at - durationMs)
    })
    const session = await grants.save(name, subject, await this.#mint(clientId))
    try {
      return await runSide({
        count,
        call: () => session.fetch(userInfoUrl),
        isAlive: () =>
          session.refresh().then(
            () => true,
            () => false,
          ),
        stats: () => provider.stats(clientId),
        askedAt: (startedAt) => refreshes.map((at) => Math.max(0, at - startedAt)),
      })
    } finally {
      stop()
      await this.#sweep()
    }
  }

  /** Throw-away grants go, also one that a run left behind which was cut short. */
  async #sweep(): Promise<void> {
    const { evergrant, grants } = this.#parts
    for await (const { client, subject } of grants.list({ client: evergrant.name })) {
      await grants.disconnect(client, subject)
    }
  }

  /** A grant whose access token has expired. */
  async #mint(clientId: string): Promise<TokenAnswer> {
    const [token] = await this.#parts.provider.mint({ clientId, accessTokenExpired: true })
    if (token === undefined) throw new Error('The provider minted no grant.')
    return token
  }
}

/** What an application keeps of a token that it got from the provider. */
export interface KeptToken {
  readonly access_token: string
  readonly refresh_token: string
  /** Milliseconds since the epoch. */
  readonly expires_at: number
}

export interface UsualClientOptions {
  readonly token: KeptToken
  readonly tokenEndpoint: string
  readonly clientId: string
  readonly clientSecret: string
  /** Told when a refresh is sent. */
  readonly onRefresh: () => void
}

/** The provider refused a refresh. */
export class RefreshRefusedError extends Error {
  /** The provider's error code. */
  readonly error: string

  constructor(error: string) {
    super(`The refresh was refused: ${error}`)
    this.name = 'RefreshRefusedError'
    this.error = error
  }
}

/**
 * The code that most applications have, as the documentation of a provider or of a low-level library leads to it:
 * correct for one caller at a time.
 */
export class UsualClient {
  readonly #options: UsualClientOptions
  #token: KeptToken

  constructor(options: UsualClientOptions) {
    this.#options = options
    this.#token = options.token
  }

  async fetch(url: string): Promise<Response> {
    if (this.#token.expires_at <= Date.now()) this.#token = await this.#refresh(this.#token)
    return fetch(url, { headers: { authorization: `Bearer ${this.#token.access_token}` } })
  }

  /** Whether the token that is kept can still be renewed. */
  async isAlive(): Promise<boolean> {
    try {
      this.#token = await this.#refresh(this.#token)
      return true
    } catch {
      return false
    }
  }

  /** RFC 6749, section 6. */
  async #refresh(token: KeptToken): Promise<KeptToken> {
    const { clientId, clientSecret, onRefresh, tokenEndpoint } = this.#options
    onRefresh()
    const response = await fetch(tokenEndpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token.refresh_token }),
    })
    const answer = (await response.json()) as {
      readonly access_token: string
      readonly refresh_token?: string
      readonly expires_in: number
      readonly error?: string
    }
    if (!response.ok) throw new RefreshRefusedError(answer.error ?? String(response.status))
    return {
      access_token: answer.access_token,
      refresh_token: answer.refresh_token ?? token.refresh_token,
      expires_at: Date.now() + answer.expires_in * 1000,
    }
  }
}

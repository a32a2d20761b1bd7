import type { Provider } from '../../src/model/provider.ts'

/** The fake server's response to one token request. `undefined` means a correct one. */
export type Fault =
  | { readonly answer: () => Response }
  | { readonly reject: Error; readonly consumed?: boolean }
  | { readonly hangUntil: Promise<void>; readonly consumed?: boolean }

/** An authorization server in memory that rotates refresh tokens and revokes the family on reuse, counted. */
export class FakeServer {
  readonly requests: URLSearchParams[] = []
  readonly faults: Fault[] = []
  readonly revoked: string[] = []
  lifetimeS: number | undefined = 3600
  rotate = true
  reuses = 0
  underway = 0
  mostUnderway = 0
  extra: Record<string, unknown> = {}
  /** Awaited before every response, so that a test can hold the server. */
  gate: Promise<void> = Promise.resolve()
  readonly #families = new Map<string, { live: string | undefined; access: string }>()
  #count = 0

  /** A first token, as a login would return it. */
  issue(family = 'f'): { access_token: string; refresh_token: string; token_type: string; scope: string } {
    const refresh_token = `rt-${family}-0`
    this.#families.set(family, { live: refresh_token, access: `at-${family}-0` })
    return { access_token: `at-${family}-0`, refresh_token, token_type: 'Bearer', scope: 'read' }
  }

  /** The refresh token that the server accepts now. */
  live(family = 'f'): string | undefined {
    return this.#families.get(family)?.live
  }

  /** The access token that was issued last. */
  access(family = 'f'): string | undefined {
    return this.#families.get(family)?.access
  }

  kill(family = 'f'): void {
    const found = this.#families.get(family)
    if (found !== undefined) found.live = undefined
  }

  get redemptions(): number {
    return this.requests.filter((request) => request.get('grant_type') === 'refresh_token').length
  }

  readonly provider: Provider = {
    name: 'fake',
    server: {
      issuer: 'https://as.example',
      authorization_endpoint: 'https://as.example/authorize',
      token_endpoint: 'https://as.example/token',
      revocation_endpoint: 'https://as.example/revoke',
    },
    resourceOrigins: ['https://api.example'],
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    const body = new URLSearchParams(init?.body as URLSearchParams)
    if (url.endsWith('/revoke')) {
      this.revoked.push(body.get('token') ?? '')
      return new Response(null, { status: 200 })
    }
    this.requests.push(body)
    this.underway += 1
    this.mostUnderway = Math.max(this.mostUnderway, this.underway)
    try {
      await this.gate
      const fault = this.faults.shift()
      if (fault === undefined) return this.#answer(body)
      if ('answer' in fault) return fault.answer()
      const answer = fault.consumed === false ? undefined : this.#answer(body)
      if ('reject' in fault) throw fault.reject
      await Promise.race([
        fault.hangUntil,
        new Promise((_resolve, reject) =>
          init?.signal?.addEventListener('abort', () => reject(init.signal!.reason as Error)),
        ),
      ])
      return answer ?? this.#answer(body)
    } finally {
      this.underway -= 1
    }
  }

  #answer(body: URLSearchParams): Response {
    const count = (this.#count += 1)
    const grant = body.get('grant_type')
    if (grant === 'client_credentials')
      return json({ access_token: `cc-${count}`, token_type: 'Bearer', expires_in: this.lifetimeS })
    const sent = body.get('refresh_token') ?? ''
    const family = sent.split('-')[1] ?? ''
    const known = this.#families.get(family)
    if (known?.live === undefined || known.live !== sent) {
      if (known?.live !== undefined) {
        this.reuses += 1
        known.live = undefined
      }
      return json({ error: 'invalid_grant' }, 400)
    }
    if (this.rotate) known.live = `rt-${family}-${count}`
    known.access = `at-${family}-${count}`
    return json({
      access_token: known.access,
      token_type: 'Bearer',
      expires_in: this.lifetimeS,
      ...(this.rotate && { refresh_token: known.live }),
      ...this.extra,
    })
  }
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })
}

export function networkError(code: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })
}

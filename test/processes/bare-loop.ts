/** Refresh tokens to redeem with nothing but `fetch`. */
export interface BareOrder {
  readonly tokenEndpoint: string
  readonly clientId: string
  readonly clientSecret: string
  readonly refreshTokens: readonly string[]
  readonly concurrency: number
}

/** Redeems each refresh token once, several at the same time. Resolves to the number of new tokens. */
export async function bareLoop({
  clientId,
  clientSecret,
  concurrency,
  refreshTokens,
  tokenEndpoint,
}: BareOrder): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  const left = refreshTokens.values()
  let redeemed = 0
  const redeem = async (): Promise<void> => {
    for (const refresh_token of left) {
      const response = await fetch(tokenEndpoint, {
        method: 'POST',
        headers: { authorization },
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token }),
      })
      const answer = (await response.json()) as { refresh_token?: string }
      if (response.ok && answer.refresh_token !== undefined) redeemed += 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, redeem))
  return redeemed
}

import { onTestFinished } from 'vitest'
import { startProvider, type DevelopmentProvider, type ProviderOptions } from '../src/index.ts'
import { Browser, pressing, type LoadedPage } from './browser.ts'

export const callback = 'http://localhost:3000/callback'

/** Starts a provider that ends with the test. */
export async function provide(options: ProviderOptions = {}): Promise<DevelopmentProvider> {
  const provider = await startProvider(options)
  onTestFinished(() => provider.close())
  return provider
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed body; an empty object when it is no JSON. */
  readonly json: Record<string, unknown>
}

/** Sends a form as the ready client, its credentials in the body. */
export function post(
  { clientId, clientSecret }: DevelopmentProvider,
  endpoint: string,
  fields: Record<string, string>,
): Promise<Answer> {
  const body = new URLSearchParams({ client_id: clientId, client_secret: clientSecret, ...fields })
  return request(endpoint, { method: 'POST', body })
}

export async function request(endpoint: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(endpoint, { redirect: 'manual', ...init })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: parse(text) }
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {}
  }
}

export function refresh(provider: DevelopmentProvider, refreshToken: unknown): Promise<Answer> {
  return post(provider, provider.metadata.token_endpoint, {
    grant_type: 'refresh_token',
    refresh_token: String(refreshToken),
  })
}

export function userInfo(provider: DevelopmentProvider, accessToken: unknown): Promise<Answer> {
  return request(provider.metadata.userinfo_endpoint, { headers: { authorization: `Bearer ${String(accessToken)}` } })
}

/** The address at which a login starts. */
export function authorizationUrl(provider: DevelopmentProvider, params: Record<string, string> = {}): string {
  const url = new URL(provider.metadata.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: provider.clientId,
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid email profile',
    state: 'state-1',
    ...params,
  }).toString()
  return url.href
}

/** Goes through whatever pages come, logging in and allowing, until the browser is sent back. */
export async function authorize(
  provider: DevelopmentProvider,
  params: Record<string, string> = {},
  browser = new Browser(params['redirect_uri'] ?? callback),
): Promise<URL & { readonly pages: readonly string[] }> {
  const pages: string[] = []
  let page = await browser.open(authorizationUrl(provider, params))
  while (page.status !== 0) {
    pages.push(titleOf(page))
    page = await browser.submit(page, titleOf(page) === 'Allow access' ? pressing('decision', 'allow') : undefined)
  }
  return Object.assign(new URL(page.url), { pages })
}

export function titleOf(page: LoadedPage): string {
  return /<title>(.*?) · /.exec(page.text)?.[1] ?? page.text
}

export function redeemCode(
  provider: DevelopmentProvider,
  returned: URL,
  fields: Record<string, string> = {},
): Promise<Answer> {
  return post(provider, provider.metadata.token_endpoint, {
    grant_type: 'authorization_code',
    code: returned.searchParams.get('code') ?? '',
    redirect_uri: callback,
    ...fields,
  })
}

/** Logs in and redeems the code. */
export async function connect(
  provider: DevelopmentProvider,
  params: Record<string, string> = {},
  browser?: Browser,
): Promise<Answer & { readonly pages: readonly string[] }> {
  const returned = await authorize(provider, params, browser)
  return { ...(await redeemCode(provider, returned)), pages: returned.pages }
}

/** The claims of a JWT, unchecked. */
export function claimsOf(jwt: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(jwt).split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

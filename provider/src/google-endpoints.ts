import type { IncomingMessage } from 'node:http'
import type Provider from 'oidc-provider'
import { paths } from './endpoints.ts'
import { readBody } from './read-body.ts'
import { inspectAccessToken, showsEmail, showsProfile, tokenInfo, type InspectedToken } from './token-info.ts'
import type { UserDirectory } from './users.ts'

interface EndpointContext {
  readonly req: IncomingMessage
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string | string[] | undefined>>
  status: number
  body: unknown
  set(field: string, value: string): void
  get(field: string): string
}

type Middleware = (ctx: EndpointContext, next: () => Promise<unknown>) => Promise<void>

/** Koa middleware with Google's token check, which takes the access token as a parameter or as a bearer token. */
export function tokenInfoEndpoint(provider: Provider, users: UserDirectory): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== paths.tokenInfo) {
      await next()
      return
    }
    ctx.set('cache-control', 'no-store')
    const value = await presentedToken(ctx)
    const inspected = value === undefined ? undefined : await inspectAccessToken(provider, users, value)
    ctx.status = inspected ? 200 : 400
    ctx.body = inspected ? tokenInfo(inspected) : { error: 'invalid_token', error_description: 'Invalid Value' }
  }
}

async function presentedToken(ctx: EndpointContext): Promise<string | undefined> {
  const query = ctx.query['access_token']
  if (typeof query === 'string') return query
  const form = ctx.method === 'POST' ? new URLSearchParams(await readBody(ctx.req)) : undefined
  return form?.get('access_token') ?? bearerToken(ctx)
}

function bearerToken(ctx: EndpointContext): string | undefined {
  return /^Bearer +(\S+)$/i.exec(ctx.get('authorization'))?.[1]
}

/**
 * Koa middleware that gives userinfo Google's shape. It adds Google's names to the OpenID ones, and accepts tokens
 * with Google's scopes but without `openid`, which oidc-provider rejects.
 */
export function userInfoEndpoint(provider: Provider, users: UserDirectory): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== paths.userInfo) {
      await next()
      return
    }
    const value = ctx.method === 'GET' ? bearerToken(ctx) : undefined
    const inspected = value === undefined ? undefined : await inspectAccessToken(provider, users, value)
    if (inspected && isGoogleOnly(inspected)) {
      ctx.set('cache-control', 'no-store')
      ctx.body = withGoogleNames(visibleClaims(inspected))
      return
    }
    await next()
    if (ctx.status === 200 && isRecord(ctx.body)) ctx.body = withGoogleNames(ctx.body)
  }
}

function isGoogleOnly({ token, scopes }: InspectedToken): boolean {
  return !scopes.has('openid') && !token.isSenderConstrained() && (showsEmail(scopes) || showsProfile(scopes))
}

function visibleClaims({ scopes, claims }: InspectedToken): Record<string, unknown> {
  const { sub, email, email_verified, name, given_name, family_name } = claims
  return {
    sub,
    ...(showsEmail(scopes) ? { email, email_verified } : {}),
    ...(showsProfile(scopes) ? { name, given_name, family_name } : {}),
  }
}

function withGoogleNames(claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const verified = 'email_verified' in claims ? { verified_email: claims['email_verified'] } : {}
  return { id: claims['sub'], ...claims, ...verified }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

import type { InternalClient } from '../client/internal-client.ts'
import { ConfigError } from '../model/errors.ts'
import type { Grants } from '../grants.ts'
import type { GrantsInternals } from '../grants/internals.ts'
import type { LoginCookies } from './login-cookies.ts'
import type { Options } from './options.ts'
import type { Site } from './public-url.ts'
import { safeReturnTo } from './return-to.ts'

/** What the routes of one handler share. */
export interface Web {
  readonly grants: Grants
  readonly internals: GrantsInternals
  readonly options: Options
  readonly site: Site
  readonly cookies: LoginCookies
}

/** One request, with what is known of it. */
export interface Ask {
  readonly request: Request
  readonly url: URL
  readonly context: unknown
  /** Whether a browser opens it as a page. */
  readonly isNavigation: boolean
}

/** A client and its names. */
export interface NamedClient {
  readonly name: string
  /** The client's name on pages. */
  readonly label: string
  readonly core: InternalClient
}

/** Longest name that a resolver is asked for. */
const LONGEST_NAME = 200

/** Finds a client by its name in a path. Undefined: there is none. */
export async function clientNamed({ internals, options }: Web, name: string): Promise<NamedClient | undefined> {
  if (encodeURIComponent(name).length > LONGEST_NAME) return undefined
  const core = await internals.clients.maybeFind(name)
  if (core === undefined) return undefined
  const labels = options.labels ?? {}
  const label = Object.hasOwn(labels, name) ? labels[name] : core.provider.title
  return { name, core, label: label ?? name.charAt(0).toUpperCase() + name.slice(1) }
}

/** Returns the user who is logged in to the application. @throws ConfigError for anything but a non-empty text */
export async function subjectOf({ options }: Web, { request, context }: Ask): Promise<string | undefined> {
  return checkedSubject('subject', await options.subject(request, context))
}

/** @throws ConfigError for what cannot be a user id */
export function checkedSubject(name: string, subject: unknown): string | undefined {
  if (subject === undefined || subject === null) return undefined
  if (typeof subject === 'string' && subject !== '') return subject
  throw new ConfigError(
    `Expected ${name} of connectHandler() to return a user id, got ${subject === '' ? "''" : `a ${typeof subject}`}. Return a text, or undefined without a user.`,
  )
}

/** Where users go if nothing else is known. */
export function homeOf({ options, site }: Web): string {
  return options.home ?? `${site.prefix}/`
}

/** Returns where a login leads, checked again where it is used. */
export function wayBack(web: Web, { returnTo }: { readonly returnTo?: string | undefined }): string {
  return (returnTo === undefined ? undefined : safeReturnTo(returnTo)) ?? homeOf(web)
}

/** Returns the way to the application's own login page, which leads back. Undefined: there is none. */
export function logInPath({ options }: Web, returnTo: string): string | undefined {
  const { logIn } = options
  if (typeof logIn !== 'string') return logIn?.(returnTo)
  return `${logIn}${logIn.includes('?') ? '&' : '?'}${new URLSearchParams({ return_to: returnTo }).toString()}`
}

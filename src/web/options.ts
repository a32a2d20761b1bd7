import type { OAuth2Client } from '../client/oauth2-client.ts'
import { ConfigError } from '../model/errors.ts'
import type { Identity } from '../refresh/identity.ts'
import type { GrantStatus } from '../refresh/status.ts'
import type { PageContent } from './pages/content.ts'
import type { Texts } from './pages/texts.ts'

/** What `signIn` receives. */
export interface SignInRequest<Context> {
  readonly client: string
  /** Who logged in at the provider. `issuer` and `sub` together identify a user. */
  readonly identity: Identity
  /** The user of the application who is logged in now. Absent: none. */
  readonly current: string | undefined
  readonly request: Request
  readonly context: Context
  /** Headers of the response: append the cookie of the application's own session. */
  readonly headers: Headers
}

/** What `connected` receives. */
export interface ConnectedLogin<Context> {
  readonly client: string
  readonly subject: string
  readonly account: string
  readonly status: GrantStatus
  /** What was requested and not granted. */
  readonly missingScope: readonly string[]
  /** Whether the grant belonged to another user of the provider before. */
  readonly identityChanged: boolean
  /** Whether this login was completed before: its callback arrived more than once. */
  readonly repeated: boolean
  /** Where the browser goes: a path of this site. */
  readonly returnTo: string
  readonly request: Request
  readonly context: Context
  /** Headers of the response. */
  readonly headers: Headers
}

type Maybe<T> = T | undefined | null
type Awaitable<T> = T | Promise<T>

/** A value for each client, by the names of `Grants`. */
export type ByClient<C, T> = { readonly [K in keyof C & string]?: T }

/** Options of `connectHandler`. */
export interface ConnectHandlerOptions<C extends Record<string, OAuth2Client>, Context> {
  /** Returns your user id of the user who is logged in. `undefined` or `null`: no user is. */
  readonly subject: (request: Request, context: Context) => Awaitable<Maybe<string>>
  /**
   * Logs users in with the provider: finds or creates the user of an identity, sets the application's session and
   * returns your user id. It must return the same id for the same identity, because a repeated callback calls it again.
   * `undefined`: the user is not welcome, and nothing is stored. @default users must be logged in before
   */
  readonly signIn?: (login: SignInRequest<Context>) => Awaitable<Maybe<string>>
  /**
   * Called after each login, before the response. It may return another path, or a response. If it throws, the grant
   * stays, and the handler rejects with its error.
   */
  readonly connected?: (login: ConnectedLogin<Context>) => Awaitable<Maybe<string | Response> | void>
  /**
   * The application's own login page, as browsers see it: a path, to which `return_to` is added, or a function of the
   * way back. @default a page with status 401
   */
  readonly logIn?: string | ((returnTo: string) => string)
  /** Path of the routes, as the application sees it. @default '/connect' */
  readonly base?: string
  /**
   * Origin and path prefix as browsers see them. Needed only if no client has a redirect URI that ends in
   * `{base}/{client}/callback`. @default taken from the clients' redirect URIs
   */
  readonly publicUrl?: string
  /** Where users go if a login names no page, as browsers see it. @default the prefix and '/' */
  readonly home?: string
  /** Scope that `?scope=` may request in addition to the client's own, by client. @default none */
  readonly scopes?: ByClient<C, readonly string[]>
  /** More authorization parameters, by client. @default none */
  readonly params?: ByClient<C, Readonly<Record<string, string>>>
  /** Whether logins request a refresh token, in the provider's way. @default the client's `offline`, which is `true` */
  readonly offline?: boolean
  /**
   * Returns the account of an identity, for several accounts of one user at one provider. `identity.sub` is the usual
   * one. @default one account for each user and client
   */
  readonly account?: (identity: Identity) => Awaitable<string>
  /** Names of the clients on pages. @default the `title` of the provider's data, else the client's name, capitalized */
  readonly labels?: ByClient<C, string>
  /** Origins whose pages may open logins in a window, in addition to the public origin. @default none */
  readonly popupOrigins?: readonly string[]
  /** Sentences of the pages by code, or a function of the request, for several languages. @default English */
  readonly texts?: Texts
  /** Language of the pages. @default 'en' */
  readonly lang?: string | ((request: Request) => string)
  /** Rules that are added to the pages' style. `--accent` is its one variable. @default none */
  readonly css?: string
  /**
   * Draws a page in the application's layout: HTML, or a response. `undefined` draws the built-in page. @default the
   * built-in pages
   */
  readonly page?: (content: PageContent, request: Request, context: Context) => Awaitable<Maybe<string | Response>>
}

/** The options as the routes use them: what a context is, only the application knows. */
export type Options = ConnectHandlerOptions<Record<string, OAuth2Client>, unknown>

const FUNCTIONS = ['signIn', 'connected', 'account', 'page'] as const
const OBJECTS = ['scopes', 'params', 'labels'] as const

/** Checks the options as far as no client is needed. @throws ConfigError */
export function checkOptions(options: unknown): Options {
  if (typeof options !== 'object' || options === null) throw expected('the options', '{ subject, … }')
  const all = options as Readonly<Record<string, unknown>>
  if (typeof all['subject'] !== 'function') throw expected('subject', 'a function that returns your user id')
  for (const name of FUNCTIONS) check(all, name, 'a function', (value) => typeof value === 'function')
  for (const name of OBJECTS)
    check(all, name, 'an object by client', (value) => typeof value === 'object' && value !== null)
  check(all, 'logIn', 'a path of this site or a function', (value) => isPath(value) || typeof value === 'function')
  check(all, 'home', 'a path of this site', isPath)
  check(all, 'offline', 'true or false', (value) => typeof value === 'boolean')
  check(all, 'lang', 'a language tag or a function', isTextOrFunction)
  check(all, 'css', 'a text', (value) => typeof value === 'string')
  check(all, 'texts', 'an object or a function', (value) => typeof value === 'object' || typeof value === 'function')
  check(all, 'popupOrigins', "a list of origins such as 'https://shop.example'", isOrigins)
  return options as Options
}

function check(
  options: Readonly<Record<string, unknown>>,
  name: string,
  what: string,
  fits: (value: unknown) => boolean,
): void {
  if (options[name] !== undefined && !fits(options[name])) throw expected(name, what)
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && /^\/(?![/\\])[!-~]*$/.test(value)
}

function isTextOrFunction(value: unknown): boolean {
  return typeof value === 'function' || (typeof value === 'string' && value !== '')
}

function isOrigins(value: unknown): boolean {
  const fits = (each: unknown): boolean =>
    typeof each === 'string' && URL.canParse(each) && new URL(each).origin === each && /^https?:/.test(each)
  return Array.isArray(value) && value.every(fits)
}

function expected(name: string, what: string): ConfigError {
  return new ConfigError(`Expected ${name} of connectHandler() to be ${what}.`)
}

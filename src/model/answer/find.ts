import { bare, firstText, isObject, member, oneObject, type Members } from './members.ts'

export const ACCESS_TOKEN: readonly string[] = ['access_token', 'accessToken']
export const REFRESH_TOKEN: readonly string[] = ['refresh_token', 'refreshToken']

/** Members that hold the response or another token. `token` as text is also a name of the access token. */
const WRAPPERS: readonly string[] = ['data', 'body', 'result', 'authed_user', 'token']

/** Number of levels that are searched, the response itself included. */
export const LEVELS = 3

interface FoundTokens {
  /** The members of the object with the tokens, and its siblings on the way there. */
  readonly object: Members
  /** The names of the access token in it. */
  readonly names: readonly string[]
}

interface FindOptions {
  readonly answerPath?: readonly string[] | undefined
  readonly stored: boolean
  /** Whether a member `token`, which may be anything, can be the access token. */
  readonly mayBeToken: () => boolean
}

/**
 * Finds the object with an access token: the response itself, what the provider's data names, or the content of a
 * common wrapper.
 */
export function findTokens(response: Members, options: FindOptions): FoundTokens | undefined {
  const [first, ...others] = options.answerPath ?? []
  const named = others.reduce<Members | undefined>(
    (object, name) => object && oneObject(member(object, name)),
    first === undefined ? undefined : oneObject(member(response, first)),
  )
  for (const names of [ACCESS_TOKEN, ['token']]) {
    if (names !== ACCESS_TOKEN && !options.mayBeToken()) return undefined
    const inner = named && lift(named, names, options.stored, LEVELS)
    if (inner !== undefined) return { object: bare(without(response, first), inner), names }
    const object = lift(response, names, options.stored, LEVELS)
    if (object !== undefined) return { object, names }
  }
  return undefined
}

function lift(object: Members, names: readonly string[], stored: boolean, levels: number): Members | undefined {
  if (firstText(object, names) !== undefined) return object
  if (levels <= 1) return undefined
  for (const wrapper of WRAPPERS) {
    const inner = oneObject(member(object, wrapper))
    const lifted = inner && lift(inner, names, stored, levels - 1)
    // What surrounds a kept `token` belongs to the library that kept it: its configuration contains the client's
    // secret.
    if (lifted !== undefined) return stored && wrapper === 'token' ? lifted : bare(without(object, wrapper), lifted)
  }
  return undefined
}

function without(object: Members, name: string | undefined): Members {
  return bare(Object.fromEntries(Object.entries(object).filter(([each]) => each !== name)))
}

/**
 * Finds a refresh token anywhere in the first three levels. If the response's access token was found (`beside`),
 * objects with another access token are skipped: their refresh token belongs to that one.
 */
export function findRefreshToken(response: Members, { beside }: { readonly beside: boolean }): string | undefined {
  let level: readonly Members[] = [response]
  for (let depth = 1; depth <= LEVELS; depth += 1) {
    const found = level.map((object) => firstText(object, REFRESH_TOKEN)).find((text) => text !== undefined)
    if (found !== undefined) return found
    level = level
      .flatMap((object) => Object.values(object))
      .flatMap((value) =>
        Array.isArray(value) ? (value as readonly unknown[]).filter(isObject) : isObject(value) ? [value] : [],
      )
      .filter((object) => !beside || firstText(object, ACCESS_TOKEN) === undefined)
  }
  return undefined
}

/** The other complete tokens of a response, by the wrapper that contains them (Slack: bot and user). */
export function otherTokens(object: Members): readonly (readonly [wrapper: string, token: Members])[] {
  return WRAPPERS.flatMap((wrapper) => {
    const inner = oneObject(member(object, wrapper))
    return inner === undefined || firstText(inner, ACCESS_TOKEN) === undefined ? [] : [[wrapper, inner] as const]
  })
}

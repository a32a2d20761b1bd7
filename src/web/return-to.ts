import { checkReturnTo } from '../client/flows/return-to.ts'
import type { Site } from './public-url.ts'

/** Longest way back that is kept in a cookie. */
const LONGEST = 2000

/**
 * Returns a path of this site as it may stand in a header. Undefined for everything else. It is checked again in that
 * form, because `/.//evil.example` only then shows where it leads.
 */
export function safeReturnTo(returnTo: string): string | undefined {
  try {
    checkReturnTo(returnTo)
    const { hash, pathname, search } = new URL(returnTo, 'https://site.invalid')
    const path = checkReturnTo(`${pathname}${search}${hash}`)
    return path.length > LONGEST ? undefined : path
  } catch {
    return undefined
  }
}

/** Returns the page of a request as browsers see it, for the way back to it. */
export function pageOf({ prefix }: Site, request: Request): string | undefined {
  const { pathname, search } = new URL(request.url)
  const path = prefix === '' || pathname === prefix || pathname.startsWith(`${prefix}/`) ? pathname : prefix + pathname
  return safeReturnTo(path + search) ?? safeReturnTo(path)
}

import { fromBase64Url } from '../util/base64.ts'
import { SealError } from '../model/errors.ts'

/** Form of a key's id. It is shown in messages, also if a record names it. */
export const KEY_ID: RegExp = /^[A-Za-z0-9._-]{1,64}$/

export const ALGORITHM = 'dir'
export const ENCRYPTION = 'A256GCM'

/**
 * The protected header (RFC 7516 section 4), exactly: `zip`, `crit` and everything else that a header may have are
 * refused.
 */
export interface Header {
  readonly alg: typeof ALGORITHM
  readonly enc: typeof ENCRYPTION
  readonly kid: string
  /** SHA-256 of the context, base64url. */
  readonly ctx: string
}

const MEMBERS = 'alg,ctx,enc,kid'

/**
 * A compact JWE (RFC 7516 section 7.1) without an encrypted key, whose IV and tag have their full lengths, all in
 * base64url.
 */
const FORM = /^([\w-]+)\.\.[\w-]{16}\.[\w-]*\.[\w-]{22}$/

export function headerFor(keyId: string, contextHash: string): Header {
  return { alg: ALGORITHM, enc: ENCRYPTION, kid: keyId, ctx: contextHash }
}

/** Reads the protected header of a sealed text. @throws SealError if it is not in the form that this library writes */
export function readHeader(sealed: string): Header {
  const [, first] = FORM.exec(sealed) ?? []
  const header = first === undefined ? undefined : parse(first)
  const { alg, enc, ctx } = header ?? {}
  const kid = typeof header?.['kid'] === 'string' && KEY_ID.test(header['kid']) ? header['kid'] : undefined
  const known = header !== undefined && Object.keys(header).sort().join() === MEMBERS
  if (!known || alg !== ALGORITHM || enc !== ENCRYPTION || kid === undefined || typeof ctx !== 'string') {
    throw new SealError(
      kid ?? '',
      'A stored token is not sealed in the form that this release writes. Check that the store is used with the keys it was written with; a newer release may have written it.',
    )
  }
  return { alg, enc, kid, ctx }
}

function parse(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(fromBase64Url(part) ?? '')
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

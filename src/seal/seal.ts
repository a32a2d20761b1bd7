import * as base64url from 'jose/base64url'
import { compactDecrypt } from 'jose/jwe/compact/decrypt'
import { CompactEncrypt } from 'jose/jwe/compact/encrypt'

import { SealError } from '../errors.ts'
import type { ContextKey } from './context-keys.ts'

/** What a key's id may be: it is shown in messages, also one that a record names. */
export const KEY_ID: RegExp = /^[A-Za-z0-9._-]{1,64}$/

const ALGORITHM = 'dir'
const ENCRYPTION = 'A256GCM'

/** The protected header, exactly: `zip`, `crit` and whatever else a header may hold are refused. */
const MEMBERS: readonly string[] = ['alg', 'ctx', 'enc', 'kid']

/** Seals a text as a compact JWE (RFC 7516 section 7.1), bound to its context by the key and by a hash in the header. */
export function sealEnvelope(plaintext: string, keyId: string, { key, contextHash }: ContextKey): Promise<string> {
  return new CompactEncrypt(new TextEncoder().encode(plaintext))
    .setProtectedHeader({ alg: ALGORITHM, enc: ENCRYPTION, kid: keyId, ctx: contextHash })
    .encrypt(key)
}

/** @throws SealError when it was sealed for another context, with another key, or was changed */
export async function openEnvelope(sealed: string, keyId: string, { key, contextHash }: ContextKey): Promise<string> {
  if (!equal(readHeader(sealed).ctx, contextHash)) {
    throw new SealError(
      keyId,
      `A stored token (key '${keyId}') belongs to another grant than the record that holds it: the record was moved or changed. Restore it, or send the user through the log-in again.`,
    )
  }
  try {
    const { plaintext } = await compactDecrypt(sealed, key, {
      keyManagementAlgorithms: [ALGORITHM],
      contentEncryptionAlgorithms: [ENCRYPTION],
    })
    return new TextDecoder('utf-8', { fatal: true }).decode(plaintext)
  } catch (cause) {
    throw new SealError(
      keyId,
      `A stored token can't be opened with key '${keyId}': the key ring has another key under that id, or the record was changed. Check the key ring.`,
      { cause: new Error(cause instanceof Error ? cause.name : 'unknown') },
    )
  }
}

/** The id of the key that a text says it is sealed with. @throws SealError when it is not in the form that `sealEnvelope` writes */
export function readKeyId(sealed: string): string {
  return readHeader(sealed).kid
}

function readHeader(sealed: string): { kid: string; ctx: string } {
  const parts = typeof sealed === 'string' ? sealed.split('.') : []
  const header = parts.length === 5 && parts[1] === '' ? parseHeader(parts[0] ?? '') : undefined
  const { alg, enc, ctx } = header ?? {}
  const kid = typeof header?.kid === 'string' && KEY_ID.test(header.kid) ? header.kid : undefined
  const known = header !== undefined && Object.keys(header).sort().join() === MEMBERS.join()
  if (!known || alg !== ALGORITHM || enc !== ENCRYPTION || kid === undefined || typeof ctx !== 'string') {
    throw new SealError(
      kid ?? '',
      'A stored token is not sealed in the form that this release writes. Check that the store is used with the keys it was written with; a newer release may have written it.',
    )
  }
  return { kid, ctx }
}

function parseHeader(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(base64url.decode(part)))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** Compares in a time that depends on the lengths alone. */
function equal(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let index = 0; index < b.length; index++) difference |= a.charCodeAt(index) ^ b.charCodeAt(index)
  return difference === 0
}

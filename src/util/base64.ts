/** A text's UTF-8 bytes in base64 (RFC 4648 section 4). */
export function toBase64(text: string): string {
  let binary = ''
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** Bytes in base64url without padding (RFC 4648 section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** The bytes that are given in base64url; undefined when they are none. */
export function bytesFromBase64Url(value: string): Uint8Array<ArrayBuffer> | undefined {
  let binary: string
  try {
    binary = atob(value.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return undefined
  }
  // A loop: Uint8Array.from takes ten times as long.
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = binary.charCodeAt(index)
  return bytes
}

/** The text whose UTF-8 bytes are given in base64url; undefined when they are none. */
export function fromBase64Url(value: string): string | undefined {
  const bytes = bytesFromBase64Url(value)
  try {
    return bytes === undefined ? undefined : new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

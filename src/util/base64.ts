/** Encodes a text's UTF-8 bytes in base64 (RFC 4648 section 4). */
export function toBase64(text: string): string {
  let binary = ''
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** Encodes bytes in base64url without padding (RFC 4648 section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** Decodes base64url to bytes. Returns undefined for any other text. */
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

/** Decodes base64url to the text of its UTF-8 bytes. Returns undefined for any other text. */
export function fromBase64Url(value: string): string | undefined {
  const bytes = bytesFromBase64Url(value)
  try {
    return bytes === undefined ? undefined : new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

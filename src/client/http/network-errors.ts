/** Codes of errors that occur before a request is sent: no name, no route, no connection, no trusted peer. */
const NOT_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'EAI_NONAME',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  // Bun's codes, also for unresolved names, hosts without a route and peers without TLS.
  'ConnectionRefused',
  'FailedToOpenSocket',
  'DNSLookupFailed',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_TLS_HANDSHAKE_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_CHAIN_TOO_LONG',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
])

/** OpenSSL's errors of a handshake. Its other errors can occur in the middle of an exchange. */
const HANDSHAKE =
  /^ERR_SSL_.*(WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|HANDSHAKE_FAILURE|UNRECOGNIZED_NAME)/

/**
 * Deno's text in place of a code: `error sending request for url (…): client error (Connect): tcp connect error: …`; in
 * older releases, `error trying to connect: …`. Bun has the code EPROTO for a failed handshake, which elsewhere can
 * occur in the middle of an exchange.
 */
const NOT_CONNECTED =
  /^(error sending request for url \(.*\): )?(client error \(Connect\)|error trying to connect: )|^EPROTO: The TLS handshake failed/s

/** Whether a failed fetch certainly never sent its request: everything unknown counts as sent. */
export function surelyNotSent(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 5) return false
  const { code, syscall, errors, cause, message, name } = error as {
    code?: unknown
    syscall?: unknown
    errors?: unknown
    cause?: unknown
    message?: unknown
    name?: unknown
  }
  // Several addresses were tried: all of them must have failed to connect.
  if (Array.isArray(errors) && errors.length > 0) return errors.every((each) => surelyNotSent(each, depth + 1))
  if (syscall === 'connect' || syscall === 'getaddrinfo') return true
  if (typeof code === 'string' && (NOT_SENT.has(code) || HANDSHAKE.test(code))) return true
  // Deno.errors.ConnectionRefused, of transports that are made of its sockets.
  if (name === 'ConnectionRefused' || (typeof message === 'string' && NOT_CONNECTED.test(message))) return true
  return surelyNotSent(cause, depth + 1)
}

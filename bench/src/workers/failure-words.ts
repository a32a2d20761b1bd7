const LONGEST = 70

/** What a caller learns of a failure, in a few words: its class, whether it says that a repeat may help, and its message. */
export function failureWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, error: oauthError, retryable } = error as { code?: unknown; error?: unknown; retryable?: unknown }
  const details = [
    typeof oauthError === 'string' ? oauthError : typeof code === 'string' ? code : undefined,
    retryable === true ? 'retryable' : retryable === false ? 'final' : undefined,
  ].filter((detail) => detail !== undefined)
  const name = error.name === 'Error' ? '' : error.name
  const head = details.length === 0 ? name : `${name} (${details.join(', ')})`.trimStart()
  // The library's own errors say what they mean by class and code.
  if (retryable !== undefined) return head
  const message = messageOf(error)
  const short = message.length > LONGEST ? `${message.slice(0, LONGEST)}…` : message
  return head === '' ? short : `${head}: ${short}`
}

/** The first line; of an error that says nothing, the status that it came with. */
function messageOf(error: Error & { status?: unknown }): string {
  const [first = ''] = error.message.split('\n')
  return first === '' && typeof error.status === 'number' ? `status ${error.status}` : first
}

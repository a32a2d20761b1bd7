import { IncomingMessage } from 'node:http'

/** Far more than any form of this server needs. */
const limit = 56 * 1024

/** The body was longer than any request to this server needs. */
export class BodyTooLargeError extends Error {
  constructor() {
    super(`Expected a body of at most ${limit} bytes.`)
    this.name = 'BodyTooLargeError'
  }
}

/**
 * Reads a request's whole body.
 * @throws {BodyTooLargeError}
 */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new BodyTooLargeError()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Returns a request whose body can be read again, so that it can be read before oidc-provider gets it. */
export function replayRequest(original: IncomingMessage, body: string): IncomingMessage {
  const bytes = Buffer.from(body)
  const replay = new IncomingMessage(original.socket)
  replay.httpVersion = original.httpVersion
  replay.httpVersionMajor = original.httpVersionMajor
  replay.httpVersionMinor = original.httpVersionMinor
  replay.method = original.method ?? 'POST'
  replay.url = original.url ?? '/'
  replay.headers = { ...original.headers, 'content-length': String(bytes.length) }
  delete replay.headers['transfer-encoding']
  replay.complete = true
  replay.push(bytes)
  replay.push(null)
  return replay
}

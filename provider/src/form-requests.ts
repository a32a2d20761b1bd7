import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import { clientOfRequest } from './client-of-request.ts'
import { paths } from './endpoints.ts'
import { BodyTooLargeError, readBody, replayRequest } from './read-body.ts'
import { completeRevocation } from './revocation.ts'
import { pathOf, sendJson } from './server.ts'

/** What a form request asked, read before oidc-provider reads it. */
export interface FormRequest {
  readonly form: URLSearchParams
  readonly clientId: string | undefined
}

const readPaths = new Set<string>([paths.token, paths.revocation, paths.introspection])

/** Form requests that were read ahead, by the request that is handed to oidc-provider. */
export class FormRequests {
  readonly #read = new WeakMap<IncomingMessage, FormRequest>()

  /** What was read of the request; undefined for other endpoints. */
  get(request: IncomingMessage): FormRequest | undefined {
    return this.#read.get(request)
  }

  /** A request listener that reads forms ahead and hands every request to the provider. */
  listener(provider: Provider): (request: IncomingMessage, response: ServerResponse) => void {
    const handle = provider.callback()
    return (request, response) => {
      if (request.method !== 'POST' || !readPaths.has(pathOf(request))) {
        void handle(request, response)
        return
      }
      this.#readAhead(provider, request, response).then(
        (replay) => replay && handle(replay, response),
        (error: unknown) => refuse(response, error),
      )
    }
  }

  async #readAhead(
    provider: Provider,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<IncomingMessage | undefined> {
    const body = await readBody(request)
    const form = new URLSearchParams(body)
    const clientId = clientOfRequest(request.headers, form)
    const replay = replayRequest(request, body)
    this.#read.set(replay, { form, clientId })
    if (pathOf(request) !== paths.revocation || clientId !== undefined) return replay
    const completed = await completeRevocation(provider, request, form)
    if (completed) {
      this.#read.set(completed, { form, clientId: undefined })
      return completed
    }
    sendJson(response, 400, { error: 'invalid_token', error_description: 'Token expired or revoked' })
    return undefined
  }
}

function refuse(response: ServerResponse, error: unknown): void {
  // Anything else means that the client went away before it had sent its request.
  if (error instanceof BodyTooLargeError) sendJson(response, 413, { error: 'invalid_request' })
  else response.destroy()
}

/** The part of a request that is read on its way through undici's dispatchers. */
export interface DispatchOptions {
  readonly origin?: string | URL
  readonly path: string
  readonly method: string
  readonly headers?: unknown
  readonly body?: unknown
  readonly signal?: unknown
}

/** Controls one request (undici 7 and newer). */
export interface DispatchController {
  readonly aborted: boolean
  abort(reason: Error): void
  pause(): void
  resume(): void
}

/**
 * Receives the events of a request. The first group of methods is that of undici 7 and newer, `onConnect` and the rest
 * that of undici 7 and older. Undici 7 uses both, and the older one needs no conversion of headers there.
 */
export interface DispatchHandler {
  onRequestStart?(controller: DispatchController, context: unknown): void
  onRequestUpgrade?(controller: DispatchController, status: number, headers: object, socket: unknown): void
  onResponseStart?(controller: DispatchController, status: number, headers: object, statusText?: string): void
  onResponseData?(controller: DispatchController, chunk: Uint8Array): void
  onResponseEnd?(controller: DispatchController, trailers: object): void
  onResponseError?(controller: DispatchController | null, error: Error): void

  onConnect?(abort: (reason?: Error) => void, context?: unknown): void
  onUpgrade?(status: number, headers: unknown, socket: unknown): void
  onHeaders?(status: number, headers: unknown, resume: () => void, statusText: string): boolean | void
  onData?(chunk: Uint8Array): boolean | void
  onComplete?(trailers: unknown): void
  onError?(error: Error): void

  onResponseStarted?(): void
  onBodySent?(chunk: unknown, total?: unknown): void
  onRequestSent?(): void
}

/** Anything that sends requests: an undici `Agent`, `Pool`, `Client`, `ProxyAgent`, `MockAgent` … */
export interface Dispatcher {
  dispatch(options: DispatchOptions, handler: DispatchHandler): boolean
}

/** A dispatcher's one function. */
export type Dispatch = Dispatcher['dispatch']

/** For a dispatcher's `compose()`, with the types of options and handlers of any version of undici. */
export type Interceptor = <O extends DispatchOptions, H extends DispatchHandler>(
  dispatch: (options: O, handler: H) => boolean,
) => (options: O, handler: H) => boolean

/** Passes a failure of the request to its handler. */
export function fail(handler: DispatchHandler, error: unknown): void {
  const reason = error as Error
  if (handler.onResponseError !== undefined) handler.onResponseError(null, reason)
  else if (handler.onError !== undefined) handler.onError(reason)
  else throw error
}

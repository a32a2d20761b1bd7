import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api'
import type { GrantKey } from '../model/grant-key.ts'
import type { Activity, FlightIdentity, Observed, ObservedRequest, Observer } from '../model/observer.ts'
import { ACCOUNT, CAUSE, CLIENT, errorAttributes, GRANT_TYPE, JOINED, OUTCOME, SUBJECT } from './attributes.ts'

/** Span names: there are few, whatever the grants are. */
const NAMES: Readonly<Record<Activity['kind'], string>> = {
  wait: 'evergrant.wait',
  refresh: 'evergrant.refresh',
  other_process: 'evergrant.wait_for_process',
  token_request: 'evergrant.token_request',
}

/** Causes of refreshes that no caller waits for. */
const IN_BACKGROUND = new Set(['early', 'keep_alive'])

/** Makes a span of each activity. */
export class SpanObserver implements Observer {
  readonly #tracer: Tracer
  readonly #includeSubject: boolean
  /** The context of each flight's refresh, for the activities inside it and for the callers that join it. */
  readonly #refreshes = new WeakMap<FlightIdentity, Context>()

  constructor(tracer: Tracer, options: { readonly includeSubject: boolean }) {
    this.#tracer = tracer
    this.#includeSubject = options.includeSubject
  }

  begin(activity: Activity): Observed {
    const parent = this.#parentOf(activity)
    const span = this.#tracer.startSpan(NAMES[activity.kind], this.#optionsOf(activity), parent)
    const inside = trace.setSpan(parent, span)
    if (activity.kind === 'refresh') this.#refreshes.set(activity.flight, inside)
    return {
      run: (work) => context.with(inside, work),
      end: (result) => {
        const { outcome, status } = result
        const errors = errorAttributes(result)
        if (activity.kind === 'wait') this.#link(span, activity.joins)
        span.setAttributes({
          ...(outcome !== undefined && activity.kind !== 'token_request' && { [OUTCOME]: outcome }),
          ...(status !== undefined && activity.kind === 'token_request' && { 'http.response.status_code': status }),
          ...errors,
        })
        // Without the error's message, which names the subject.
        if (Object.keys(errors).length > 0) span.setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      },
    }
  }

  #parentOf(activity: Activity): Context {
    const flight = 'flight' in activity ? activity.flight : undefined
    const inRefresh = flight === undefined ? undefined : this.#refreshes.get(flight)
    return inRefresh ?? context.active()
  }

  #optionsOf(activity: Activity): SpanOptions {
    const attributes = { ...this.#keyAttributes(activity.key), ...ownAttributes(activity) }
    if (activity.kind === 'token_request') return { attributes, kind: SpanKind.CLIENT }
    if (activity.kind !== 'refresh' || !IN_BACKGROUND.has(activity.cause)) return { attributes }
    // It outlives the request that happened to start it.
    const starter = trace.getSpanContext(context.active())
    return { attributes, root: true, links: starter === undefined ? [] : [{ context: starter }] }
  }

  #keyAttributes({ client, subject, account }: GrantKey): Attributes {
    if (!this.#includeSubject) return { [CLIENT]: client }
    return {
      [CLIENT]: client,
      ...(subject !== '' && { [SUBJECT]: subject }),
      ...(account !== '' && { [ACCOUNT]: account }),
    }
  }

  /** A flight's span exists from its first attempt on. It is linked at the end of the wait, when it surely does. */
  #link(span: Span, joined: FlightIdentity | undefined): void {
    const refresh = joined === undefined ? undefined : this.#refreshes.get(joined)
    const target = refresh === undefined ? undefined : trace.getSpanContext(refresh)
    if (target !== undefined) span.addLink({ context: target })
  }
}

function ownAttributes(activity: Activity): Attributes {
  switch (activity.kind) {
    case 'wait':
      return { [CAUSE]: activity.cause, [JOINED]: activity.joins !== undefined }
    case 'token_request':
      return requestAttributes(activity.request)
    default:
      return { [CAUSE]: activity.cause }
  }
}

/** Of the conventions for HTTP clients. The URL is without query, which could hold anything. */
function requestAttributes({ grantType, method, url }: ObservedRequest): Attributes {
  return {
    [GRANT_TYPE]: grantType,
    'http.request.method': method,
    'server.address': url.hostname,
    'server.port': url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    'url.full': `${url.origin}${url.pathname}`,
  }
}

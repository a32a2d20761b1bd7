import { type Meter, metrics, trace, type Tracer } from '@opentelemetry/api'
import { ConfigError } from '../model/errors.ts'
import type { GrantEvents, GrantListener } from '../model/events.ts'
import { observableOf } from '../model/observable.ts'
import { countEvents } from './event-counters.ts'
import { observeStored } from './gauges.ts'
import { MetricObserver } from './metrics.ts'
import { SpanObserver } from './spans.ts'

/** Name of the instrumentation scope. */
const SCOPE = 'evergrant'

/** What can be instrumented: `Grants`, or a session that stands alone. */
export interface Instrumentable {
  on<K extends keyof GrantEvents>(event: K, listener: GrantListener<K>): () => void
}

/** Options of `instrument`. */
export interface InstrumentOptions {
  /** Makes the spans. @default the tracer `evergrant` of the global provider */
  readonly tracer?: Tracer | undefined
  /** Makes the metrics. @default the meter `evergrant` of the global provider */
  readonly meter?: Meter | undefined
  /** Whether spans have the subject and the account of their grant. Metrics never do. @default false */
  readonly includeSubject?: boolean | undefined
  /**
   * Whether the stored grants are counted and the oldest due one is found, at each collection. Needs `Grants`. For one
   * process of all. @default false
   */
  readonly gauges?: boolean | undefined
}

/** The instrumentation of one object. */
export interface Instrumentation {
  /** Ends it. Spans of refreshes in progress still end. */
  stop(): void
}

/**
 * Makes OpenTelemetry spans and metrics of the refreshes of `Grants`, or of a session that stands alone. Call it once
 * the SDK is started: the global meter is read here. No span and no metric contains a secret.
 * @throws ConfigError for a session of `Grants`, for `gauges` of a session, and for any other value
 */
export function instrument(source: Instrumentable, options: InstrumentOptions = {}): Instrumentation {
  const { observers, stored } = observableOf(source) ?? unobservable()
  const { gauges = false, includeSubject = false } = options
  const tracer = options.tracer ?? trace.getTracer(SCOPE)
  const meter = options.meter ?? metrics.getMeter(SCOPE)
  if (gauges && stored === undefined) throw withoutStore()
  const stops = [
    observers.add(new SpanObserver(tracer, { includeSubject })),
    observers.add(new MetricObserver(meter)),
    countEvents((event, listener) => source.on(event, listener), meter, {
      // A store's retries are numbered as attempts. The calls of `onToken` are numbered as failures.
      firstRetry: stored === undefined ? 1 : 2,
    }),
    ...(gauges && stored !== undefined ? [observeStored(stored, meter)] : []),
  ]
  return {
    stop: () => {
      for (const stop of stops) stop()
    },
  }
}

function unobservable(): never {
  throw new ConfigError(
    "Expected the first argument of instrument() to be Grants, or a session that stands alone, of the same copy of 'evergrant'. Sessions of Grants are instrumented with them.",
  )
}

function withoutStore(): ConfigError {
  return new ConfigError(
    'A session that stands alone has no gauges, which read stored grants. Instrument Grants, or leave `gauges` out.',
  )
}

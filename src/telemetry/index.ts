/**
 * Spans and metrics of refreshes, with the OpenTelemetry API.
 *
 * ```ts
 * import { instrument } from 'evergrant/telemetry'
 *
 * const telemetry = instrument(grants)
 * await grants.session('google', user.id).token() // a refresh is a span, and is counted
 * telemetry.stop()
 * ```
 * @module
 */
export { instrument } from './instrument.ts'
export type { Instrumentable, Instrumentation, InstrumentOptions } from './instrument.ts'

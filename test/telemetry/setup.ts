import { context, type Attributes } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { onTestFinished } from 'vitest'
import { instrument, type Instrumentable, type InstrumentOptions } from '../../src/telemetry/index.ts'

/** An SDK whose exporters keep everything in memory. */
export function sdk() {
  const spanExporter = new InMemorySpanExporter()
  const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] })
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 })
  const meters = new MeterProvider({ readers: [reader] })
  const contexts = new AsyncLocalStorageContextManager().enable()
  context.setGlobalContextManager(contexts)
  onTestFinished(async () => {
    context.disable()
    await Promise.all([tracers.shutdown(), meters.shutdown()])
  })
  const tracer = tracers.getTracer('test')
  const meter = meters.getMeter('test')
  const spans = (name?: string): ReadableSpan[] =>
    spanExporter.getFinishedSpans().filter((span) => name === undefined || span.name === `evergrant.${name}`)
  /** The points of a metric, collected now. */
  const points = async (name: string): Promise<DataPoint<number | Histogram>[]> => {
    metricExporter.reset()
    await reader.forceFlush()
    return metricExporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics)
      .filter(({ descriptor }) => descriptor.name === `evergrant.${name}`)
      .flatMap(({ dataPoints }) => dataPoints as DataPoint<number | Histogram>[])
  }
  return {
    tracer,
    meter,
    spans,
    points,
    /** Everything that was exported so far. */
    exported: async () => {
      await reader.forceFlush()
      return { spans: spanExporter.getFinishedSpans().map(fieldsOf), metrics: metricExporter.getMetrics() }
    },
    instrument: (source: Instrumentable, options?: InstrumentOptions) =>
      instrument(source, { tracer, meter, ...options }),
    /** The values of a counter or gauge, by its attributes. */
    values: async (name: string): Promise<readonly (readonly [Attributes, number])[]> =>
      (await points(name)).map(({ attributes, value }) => [attributes, value as number] as const),
    /** Count and sum of a histogram, by its attributes. */
    times: async (name: string): Promise<readonly (readonly [Attributes, number, number])[]> =>
      (await points(name)).map(({ attributes, value }) => {
        const { count, sum } = value as Histogram
        return [attributes, count, sum ?? 0] as const
      }),
  }
}

/** What an exporter sends of a span. */
const fieldsOf = ({ name, attributes, events, links, status }: ReadableSpan): object => ({
  name,
  attributes,
  events,
  links,
  status,
})

/** The span that another one is inside of. */
export const parentOf = (span: ReadableSpan | undefined): string | undefined => span?.parentSpanContext?.spanId

import type { Counter, Histogram, Meter } from '@opentelemetry/api'
import type { Activity, Observed, Observer } from '../model/observer.ts'
import { CAUSE, CLIENT, errorAttributes, OUTCOME } from './attributes.ts'

/** From a fast provider nearby to the longest wait of a caller, in seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 45]

/** Counts and times activities. No attribute names a subject. */
export class MetricObserver implements Observer {
  readonly #refreshes: Counter
  readonly #durations: Readonly<Partial<Record<Activity['kind'], Histogram>>>

  constructor(meter: Meter) {
    const histogram = (name: string, description: string): Histogram =>
      meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: SECONDS } })
    this.#refreshes = meter.createCounter('evergrant.refreshes', {
      description: 'Refreshes that this process attempted.',
      unit: '{refresh}',
    })
    this.#durations = {
      refresh: histogram('evergrant.refresh.duration', 'Duration of a refresh, with waits for other processes.'),
      other_process: histogram(
        'evergrant.refresh.process_wait.duration',
        'Time that a refresh waited for another process.',
      ),
      wait: histogram('evergrant.caller.wait.duration', 'Time that a caller waited for a refresh or for the store.'),
    }
  }

  begin(activity: Activity): Observed | undefined {
    if (activity.kind === 'token_request') return undefined
    const { cause, key, kind } = activity
    return {
      end: (result) => {
        const attributes = {
          [CLIENT]: key.client,
          [CAUSE]: cause,
          ...(result.outcome !== undefined && { [OUTCOME]: result.outcome }),
          ...errorAttributes(result),
        }
        if (kind === 'refresh') this.#refreshes.add(1, attributes)
        this.#durations[kind]?.record(result.durationMs / 1000, attributes)
      },
    }
  }
}

import type { LabView } from '../faults/lab-view.ts'
import { clockTime, secondsUntil } from './wording.ts'

/** One sentence about how it stands. */
export function labVerdict({ beats, on, refreshes, store }: LabView): {
  readonly good: boolean
  readonly text: string
} {
  const [latest] = beats
  if (store === null) return { good: true, text: 'Throw a switch to begin.' }
  if (store.state !== 'active') {
    return {
      good: false,
      text: `The grant is over (${store.reason ?? 'revoked'}), and Evergrant has said so once. The next switch begins with a new one.`,
    }
  }
  if (latest?.ok === false) {
    return {
      good: false,
      text: 'The last token has run out. Every call is told to come back later, and the grant is kept.',
    }
  }
  if (on !== null && refreshes[0]?.ok === false) {
    return {
      good: true,
      text: 'The refresh fails, and no caller notices: the token at hand is served for as long as it lasts.',
    }
  }
  if (on !== null) return { good: true, text: 'The refresh is under way; the calls don’t wait for it.' }
  if (refreshes[0]?.ok === true) return { good: true, text: 'Renewed. Nothing was lost, and nobody had to log in.' }
  return { good: true, text: 'The provider works again; the next refresh waits for its time.' }
}

/** What calls were answered with, in words. */
export function callerLines({ beats, refreshes }: LabView): { readonly ok: boolean; readonly text: string }[] {
  const [latest] = beats
  return [
    ...(latest === undefined
      ? []
      : [{ ok: latest.ok, text: `session.fetch(): ${latest.result} after ${latest.ms} ms` }]),
    ...refreshes.map(({ ms, ok, result }) => ({ ok, text: `session.refresh(): ${result} after ${ms} ms` })),
  ]
}

/** The library's log lines. */
export function logLines({ log }: LabView): { level: string; time: string; text: string; fields: string }[] {
  return log.slice(0, 5).map(({ at, fields, level, message }) => ({
    level,
    time: clockTime(at),
    text: message.replace('evergrant: ', ''),
    fields: Object.entries(fields)
      .map(([name, value]) => `${name}=${name.endsWith('Until') ? clockTime(Number(value)) : String(value)}`)
      .join(' '),
  }))
}

/** The record, row by row. */
export function storeRows({ store }: LabView, now: number): [string, string][] {
  if (store === null) return [['record', 'none yet']]
  const { expiresAt, failure, leaseUntil, openIntent, reason, sealed, sealedLength, state, version } = store
  return [
    ['state', reason === undefined ? state : `${state} (${reason})`],
    ['version', String(version)],
    ['token', `sealed, ${sealedLength} characters, ${sealed}`],
    ...(expiresAt === undefined
      ? []
      : [['expires', `in ${secondsUntil(expiresAt, now)} s`] satisfies [string, string]]),
    ...(leaseUntil === undefined || leaseUntil <= now
      ? []
      : [['lease', 'one process is redeeming'] satisfies [string, string]]),
    ...(openIntent === undefined
      ? []
      : [['intent', `attempt ${openIntent.attempt}: outcome not known`] satisfies [string, string]]),
    ...(failure === undefined
      ? []
      : [
          [
            'failure',
            `${failure.code}${failure.count > 1 ? `, ${failure.count} times` : ''}${failure.notBefore > now ? `, not again before ${clockTime(failure.notBefore)}` : ''}`,
          ] satisfies [string, string],
        ]),
  ]
}

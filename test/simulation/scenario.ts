import * as fc from 'fast-check'
import { MODES, type Mode } from './server.ts'

/**
 * The faults of a trip to the database. `crash` ends the asking process, `pause` stops it before it gets the
 * response, and `pause-all` stops all processes. `replaced`: another process logs the user in during the trip.
 * `twice`: the driver sends the command again and returns the second response.
 */
export const STORE_FAULTS = [
  'fail-before',
  'fail-after',
  'hang-before',
  'hang-after',
  'late',
  'slow-request',
  'slow-answer',
  'twice',
  'pause',
  'pause-all',
  'replaced',
  'ended-and-replaced',
  'crash-before',
  'crash-on-the-wire',
  'crash-after',
] as const
/**
 * Added in wide scenarios. `never-before` and `never-after`: no response arrives, and the trip did not arrive, or it
 * did. `own-clock` and `store-clock`: the asking process's clock, or the store's, is set back or forth during the
 * trip.
 */
export const WIDE_STORE_FAULTS = ['never-before', 'never-after', 'own-clock', 'store-clock'] as const
export type StoreFault = (typeof STORE_FAULTS)[number] | (typeof WIDE_STORE_FAULTS)[number]

/** The faults of a token request. */
export const REQUEST_FAULTS = [
  'refused',
  'dropped',
  'vanished',
  'answer-lost',
  'answer-vanished',
  'late-request',
  'late-answer',
  'pause',
  'replaced',
  'ended-and-replaced',
  'reset-then-consumed',
  'unavailable',
  'retry-after',
  'unreadable',
  'empty-refusal',
  'invalid-client',
  'crash-before',
  'crash-on-the-wire',
  'crash-after',
] as const
export type RequestFault = (typeof REQUEST_FAULTS)[number]

/** The operations of a process on its store. */
export type Operation = 'read' | 'due' | Writing
type Writing = 'put' | 'claim' | 'commit' | 'release' | 'delete'
/** The trip: the only one of an operation that reads, the swap of one that writes, or its earlier read of the row. */
export type StorePoint = Operation | `${Writing}-look`

/**
 * The faults at each point where a process continues after a wait: the process stops there, or its whole machine
 * does.
 */
export const EVENT_FAULTS = ['pause', 'pause-all'] as const
export type EventFault = (typeof EVENT_FAULTS)[number]

/**
 * A fault affects the `nth` trip of its kind since the start, or the `nth` time that any process continues after a
 * wait.
 */
export type Fault =
  | { readonly point: StorePoint; readonly nth: number; readonly fault: StoreFault }
  | { readonly point: 'request'; readonly nth: number; readonly fault: RequestFault }
  | { readonly point: 'event'; readonly nth: number; readonly fault: EventFault }

/** An act at a given time, in milliseconds since the start. */
export interface Act {
  readonly at: number
  readonly kind: ActKind
  /** The index of the process. */
  readonly process: number
  /** The duration, or the clock's jump. */
  readonly ms: number
}

export const ACTS = [
  'token',
  'burst',
  'rejected',
  'validity',
  'refresh',
  'log-in',
  'disconnect',
  'recheck',
  'end-at-provider',
  'crash',
  'pause',
  'store-down',
  'store-cut',
  'store-slow',
  'commits-down',
  'provider-down',
  'jump',
] as const
/**
 * Added in wide scenarios. `store-jump`: the store's clock is set. `relog`: the grant is disconnected in one process
 * while the user logs in in another. `store-hangs`, `provider-hangs`, `resolver-hangs`: requests during this time get
 * no response. `new-secret`: the provider changes the client's secret, and the application's resolver returns a
 * client with the new one. `new-registration`: the client id changes too, and the user logs in again.
 */
export const WIDE_ACTS = [
  'store-jump',
  'relog',
  'store-hangs',
  'provider-hangs',
  'resolver-hangs',
  'new-secret',
  'new-registration',
] as const
export type ActKind = (typeof ACTS)[number] | (typeof WIDE_ACTS)[number]

export interface Scenario {
  readonly seed: number
  readonly mode: Mode
  /** Whether the client's provider data describes the server's mode. */
  readonly declared: boolean
  readonly processes: number
  /** How many of the processes run a keep-fresh worker. */
  readonly workers: number
  /**
   * `default`: the library's own times. `short`: a deadline of 2 s. `settling`: also a settle time much longer than
   * the lease.
   */
  readonly timing: 'default' | 'short' | 'settling'
  readonly background: 'detached' | 'none'
  /** The initial difference of each process's time of day from the store's. */
  readonly skews: readonly number[]
  /**
   * Whether a pause is the machine's sleep, which stops the process's monotonic clock and timers. False if a clock
   * jumps: see README.md.
   */
  readonly sleeps: boolean
  /** Assumption Q for the wire: no request is in flight for longer than `settleMs`. */
  readonly bounded: boolean
  /** Whether the whole OAuth2Client runs instead of its core. */
  readonly whole: boolean
  /** Whether the application resolves its clients by a function. Only in wide scenarios, like the next. */
  readonly resolver?: boolean
  /** Number of always due grants of another client, whose provider never responds. */
  readonly crowd?: number
  readonly acts: readonly Act[]
  readonly faults: readonly Fault[]
}

/** Lifetime of access tokens. */
export const LIFETIME_MS: Readonly<Record<Scenario['timing'], number>> = {
  default: 60_000,
  short: 60_000,
  settling: 15_000,
}

/** Faults and acts happen until this time. Then everything works. */
export const TROUBLED_MS = 150_000

const someAct: fc.Arbitrary<Act> = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<ActKind>('token', 'burst', 'rejected', 'validity', 'refresh') },
    { weight: 2, arbitrary: fc.constantFrom<ActKind>('log-in', 'disconnect', 'recheck', 'end-at-provider') },
    { weight: 2, arbitrary: fc.constantFrom<ActKind>('crash', 'pause') },
    {
      weight: 2,
      arbitrary: fc.constantFrom<ActKind>('store-down', 'store-cut', 'commits-down', 'provider-down', 'jump'),
    },
  ),
  at: fc.integer({ min: 0, max: TROUBLED_MS }),
  process: fc.nat(3),
  ms: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 40_000 })),
})

/** Long enough for one process to read while another waits for its response. */
const slowStore: fc.Arbitrary<Act> = fc.record({
  kind: fc.constant('store-slow' as const),
  at: fc.integer({ min: 0, max: TROUBLED_MS }),
  process: fc.constant(0),
  ms: fc.integer({ min: 10_000, max: 40_000 }),
})

const act = fc.oneof({ weight: 12, arbitrary: someAct }, { weight: 1, arbitrary: slowStore })

const storeFault: fc.Arbitrary<Fault> = fc.record({
  point: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<StorePoint>('claim', 'commit') },
    { weight: 3, arbitrary: fc.constantFrom<StorePoint>('read', 'put', 'release') },
    { weight: 2, arbitrary: fc.constantFrom<StorePoint>('delete', 'due', 'claim-look', 'commit-look') },
    { weight: 1, arbitrary: fc.constantFrom<StorePoint>('put-look', 'release-look', 'delete-look') },
  ),
  nth: fc.nat(6),
  fault: fc.constantFrom(...STORE_FAULTS),
})

/** The known store's time is old, because the read of a grant reaches its process after the machine's sleep. */
const sleptLook: fc.Arbitrary<Fault> = fc.record({
  point: fc.constantFrom('read' as const, 'due' as const),
  nth: fc.nat(20),
  fault: fc.constant('pause-all' as const),
})

const requestFault: fc.Arbitrary<Fault> = fc.record({
  point: fc.constant('request' as const),
  nth: fc.nat(5),
  fault: fc.constantFrom(...REQUEST_FAULTS),
})

const wideAct: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom(...WIDE_ACTS),
  at: fc.integer({ min: 0, max: TROUBLED_MS }),
  process: fc.nat(3),
  ms: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 40_000 })),
})

const wideStoreFault: fc.Arbitrary<Fault> = fc.record({
  point: fc.constantFrom<StorePoint>(
    ...(['read', 'due', 'put', 'claim', 'commit', 'release', 'delete'] as const),
    ...(['put-look', 'claim-look', 'commit-look', 'release-look', 'delete-look'] as const),
  ),
  nth: fc.nat(8),
  fault: fc.constantFrom(...WIDE_STORE_FAULTS),
})

/** A process continues after a wait some hundred times in a schedule. */
const eventFault: fc.Arbitrary<Fault> = fc.record({
  point: fc.constant('event' as const),
  nth: fc.nat(400),
  fault: fc.constantFrom(...EVENT_FAULTS),
})

/** Scenarios; `bounded` is assumption Q for the wire. */
export function scenarios(options: { readonly bounded: boolean; readonly wide?: boolean }): fc.Arbitrary<Scenario> {
  const narrow = narrowScenarios(options)
  if (!(options.wide ?? true)) return narrow
  return fc
    .tuple(
      narrow,
      fc.record({
        resolver: fc.boolean(),
        crowd: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 3, max: 8 })),
        acts: fc.array(wideAct, { maxLength: 4 }),
        faults: fc.array(fc.oneof(wideStoreFault, eventFault), { maxLength: 4 }),
      }),
    )
    .map(([scenario, wide]) => ({
      ...scenario,
      ...wide,
      // A crowd affects workers only.
      workers: wide.crowd > 0 ? Math.max(1, scenario.workers) : scenario.workers,
      acts: [...scenario.acts, ...wide.acts],
      faults: [...scenario.faults, ...wide.faults],
    }))
}

function narrowScenarios(options: { readonly bounded: boolean }): fc.Arbitrary<Scenario> {
  return fc.record({
    seed: fc.integer({ min: 0, max: 0x7fff_ffff }),
    mode: fc.oneof({ weight: 3, arbitrary: fc.constant<Mode>('strict') }, ...MODES.map((mode) => fc.constant(mode))),
    declared: fc.boolean(),
    processes: fc.integer({ min: 2, max: 4 }),
    workers: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 2 })),
    timing: fc.constantFrom<Scenario['timing']>('default', 'short', 'settling'),
    background: fc.constantFrom<Scenario['background']>('detached', 'detached', 'none'),
    skews: fc.oneof(
      fc.constant([]),
      fc.array(fc.integer({ min: -7_200_000, max: 7_200_000 }), { minLength: 4, maxLength: 4 }),
    ),
    sleeps: fc.boolean(),
    bounded: fc.constant(options.bounded),
    whole: fc.oneof({ weight: 19, arbitrary: fc.constant(false) }, fc.constant(true)),
    acts: fc.array(act, { maxLength: 8 }),
    faults: fc.array(
      fc.oneof(
        { weight: 7, arbitrary: storeFault },
        { weight: 7, arbitrary: requestFault },
        { weight: 1, arbitrary: sleptLook },
      ),
      { maxLength: 5 },
    ),
  })
}

import * as fc from 'fast-check'
import { MODES, type Mode } from './server.ts'

/** What may happen to a store operation; `crash` ends the process that asked, `pause` stops it for a while before it gets the answer; `replaced`: meanwhile another process logs the user in. */
export const STORE_FAULTS = [
  'fail-before',
  'fail-after',
  'hang-before',
  'hang-after',
  'late',
  'slow-answer',
  'pause',
  'replaced',
  'ended-and-replaced',
  'crash-before',
  'crash-on-the-wire',
  'crash-after',
] as const
export type StoreFault = (typeof STORE_FAULTS)[number]

/** What may happen to a token request. */
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

export const STORE_POINTS = ['read', 'put', 'claim', 'commit', 'release', 'delete', 'due'] as const
export type StorePoint = (typeof STORE_POINTS)[number]

/** A fault strikes the `nth` operation of its kind since the beginning. */
export type Fault =
  | { readonly point: StorePoint; readonly nth: number; readonly fault: StoreFault }
  | { readonly point: 'request'; readonly nth: number; readonly fault: RequestFault }

/** What happens at a given time, in milliseconds since the beginning. */
export interface Act {
  readonly at: number
  readonly kind: ActKind
  /** Which process. */
  readonly process: number
  /** How long, or by how much the clock jumps. */
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
  'commits-down',
  'provider-down',
  'jump',
] as const
export type ActKind = (typeof ACTS)[number]

export interface Scenario {
  readonly seed: number
  readonly mode: Mode
  /** Whether the client's provider data tells the server's ways. */
  readonly declared: boolean
  readonly processes: number
  /** How many of the processes run a keep-fresh worker. */
  readonly workers: number
  /** `default`: the library's own times. `short`: a deadline of 2 s. `settling`: that, and a settle time much longer than the lease. */
  readonly timing: 'default' | 'short' | 'settling'
  readonly background: 'detached' | 'none'
  /** How far each process's time of day is off from the store's at first. */
  readonly skews: readonly number[]
  /** Assumption Q for the wire: no request is under way for longer than `settleMs`. */
  readonly bounded: boolean
  /** The whole OAuth2Client instead of its core. */
  readonly whole: boolean
  readonly acts: readonly Act[]
  readonly faults: readonly Fault[]
}

/** How long access tokens live. */
export const LIFETIME_MS: Readonly<Record<Scenario['timing'], number>> = {
  default: 60_000,
  short: 60_000,
  settling: 15_000,
}

/** Faults and acts happen until then; afterwards everything works. */
export const TROUBLED_MS = 150_000

const act: fc.Arbitrary<Act> = fc.record({
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

const storeFault: fc.Arbitrary<Fault> = fc.record({
  point: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<StorePoint>('claim', 'commit') },
    { weight: 2, arbitrary: fc.constantFrom<StorePoint>('read', 'put', 'release') },
    { weight: 1, arbitrary: fc.constantFrom<StorePoint>('delete', 'due') },
  ),
  nth: fc.nat(6),
  fault: fc.constantFrom(...STORE_FAULTS),
})

const requestFault: fc.Arbitrary<Fault> = fc.record({
  point: fc.constant('request' as const),
  nth: fc.nat(5),
  fault: fc.constantFrom(...REQUEST_FAULTS),
})

/** Scenarios; `bounded` is assumption Q for the wire. */
export function scenarios(options: { readonly bounded: boolean }): fc.Arbitrary<Scenario> {
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
    bounded: fc.constant(options.bounded),
    whole: fc.oneof({ weight: 19, arbitrary: fc.constant(false) }, fc.constant(true)),
    acts: fc.array(act, { maxLength: 8 }),
    faults: fc.array(fc.oneof(storeFault, requestFault), { maxLength: 5 }),
  })
}

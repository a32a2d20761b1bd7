import type { Change } from '../../src/stores/changes.ts'
import type { GrantRecord } from '../../src/stores/store.ts'
import type { TokenFields } from '../../src/model/token.ts'
import { expectedChange, shown } from './feed.ts'
import type { Process } from './process.ts'
import type { Mode, Family, Issued, Registration, Server } from './server.ts'

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I8' | 'I9' | 'feed' | 'worker' | 'other'

export class Violation extends Error {
  readonly invariant: Invariant

  constructor(invariant: Invariant, what: string, at: number) {
    super(`${invariant} at ${Math.round(at)} ms: ${what}`)
    this.invariant = invariant
  }
}

/** One token request, from its sending until its answer is saved or can't be any more. */
export interface Redemption {
  readonly process: Process
  readonly refreshToken: string
  readonly sentAt: number
  doubtMs: number
  /** `wire`: not at the server yet. `answering`: its answer is on the way. `held`: with its process, not saved yet. */
  state: 'wire' | 'answering' | 'held' | 'done'
  /** As whom the client sent it; undefined: without a secret. */
  readonly registration?: Registration | undefined
  /** Nobody waits for its answer any more. */
  orphan: boolean
  /** Its answer was saved more than `settleMs` after it was sent. */
  savedLate?: boolean
  issued?: Issued | undefined
}

/** Why a refresh token may be gone without anybody's fault (the model's excuses). */
export type Excuse = 'crash' | 'answer lost' | 'orphan consumed' | 'grace over' | 'user'

/** A redemption that began so recently may still be under way, without any fault. */
const JUST_NOW_MS = 5000

/** What really happened, and whether it may: the invariants on redemptions and on what the store keeps. */
export class Ledger {
  readonly redemptions: Redemption[] = []
  readonly excused = new Map<Family, Excuse>()
  /** When a log-in's grant was deleted or replaced. */
  readonly endedAt = new Map<Family, number>()
  readonly familyOfId = new Map<string, Family>()
  readonly residue = new Set<Invariant>()
  /** Log-ins that somebody asked to delete. */
  readonly deleting = new Set<string>()
  /** When each log-in was deleted, by its id. */
  readonly deletedAt = new Map<string, number>()
  /** What the change feed must have, in its order. */
  readonly #expected: string[] = []
  record: GrantRecord | undefined
  /** A refresh token was sent again while the answer to an older request was saved after more than `settleMs`, or not yet: beyond assumption Q. */
  beyondQ = false
  /** How long the store's slowest answer was on its way: so far a process may be wrong about the store's time, and take tokens to end early. */
  slowestMs = 0
  /** How often the store's clock was set. */
  storeJumps = 0
  /** What the present event is, where that excuses a loss. */
  excuse: Excuse | undefined
  readonly #mode: Mode
  readonly #declared: boolean
  readonly #settleMs: number
  readonly #leaseMs: number
  readonly #server: Server
  readonly #now: () => number
  #violation: Violation | undefined
  /** When the store's clock was last set forward: leases and settle times of then ended early. */
  #setForwardAt = Number.NEGATIVE_INFINITY
  readonly #unanswered = new Set<string>()
  #watched: Family | undefined
  #wasHeld = false
  #alive = false

  constructor(options: {
    mode: Mode
    declared: boolean
    leaseMs: number
    settleMs: number
    server: Server
    now: () => number
  }) {
    this.#leaseMs = options.leaseMs
    this.#mode = options.mode
    this.#declared = options.declared
    this.#settleMs = options.settleMs
    this.#server = options.server
    this.#now = options.now
  }

  /** Throws, and again after the event: what an operation throws, its caller may catch. */
  fail(invariant: Invariant, what: string): never {
    this.#violation ??= new Violation(invariant, what, this.#now())
    throw this.#violation
  }

  /** A finding that a provider's way explains once assumption Q is broken; else a violation. */
  #judge(invariant: Invariant, what: string, beyond: readonly Mode[]): void {
    if (!this.beyondQ || !beyond.includes(this.#mode)) this.fail(invariant, what)
    this.residue.add(invariant)
  }

  /** The store's clock was set: what is under way, and what was issued so far, has its times by the clock of before. */
  storeClockSet(byMs: number): void {
    this.storeJumps += 1
    if (byMs > 0) this.#setForwardAt = this.#now()
    for (const redemption of this.redemptions) if (redemption.state !== 'done') redemption.doubtMs += Math.abs(byMs)
    for (const facts of this.#server.access.values()) facts.doubtMs += Math.abs(byMs)
  }

  /** I1: at most one redemption per refresh token is under way. */
  sent(redemption: Redemption): void {
    this.redemptions.push(redemption)
    // A provider that is known not to mind is asked again at once.
    const harmless = this.#declared && (this.#mode === 'time' || this.#mode === 'static')
    for (const other of this.redemptions) {
      if (other === redemption || other.refreshToken !== redemption.refreshToken) continue
      if (other.savedLate === true && this.#mode !== 'static') this.beyondQ = true
      if (other.state === 'done') continue
      // A clock that is set forward ends the settle time by the store's time, which is all that anybody can know.
      const settled = this.#now() >= other.sentAt + this.#settleMs || this.#setForwardAt >= other.sentAt - this.#leaseMs
      // Once two have met beyond Q, each of their answers may begin the next.
      if (!settled && !harmless && !this.beyondQ) {
        this.fail(
          'I1',
          `process ${redemption.process.index} sends ${redemption.refreshToken}, which process ${other.process.index} sent at ${Math.round(other.sentAt)} ms (${other.state})`,
        )
      }
      if (settled) this.beyondQ = true
    }
  }

  /** The answer to this redemption is nowhere: its refresh token may be the last that was stored. */
  answerLost({ refreshToken }: Redemption): void {
    this.excuse = 'answer lost'
    this.#unanswered.add(refreshToken)
  }

  crashed(process: Process): void {
    this.excuse = 'crash'
    for (const redemption of this.redemptions) {
      if (redemption.process !== process || redemption.state === 'done') continue
      redemption.orphan = true
      if (redemption.state !== 'wire') redemption.state = 'done'
    }
  }

  /** I4: a verdict comes from the lease's owner, about a refresh token that is worth nothing. */
  #verdict(record: GrantRecord, { verdictBy, reason }: GrantRecord): void {
    const owner = record.lease?.owner
    if (owner !== verdictBy) this.fail('I4', `a verdict by ${verdictBy}, the lease is ${owner}'s`)
    const family = this.#familyOf(record)
    if (family?.alive === true && this.#heldSomewhere(family, true))
      this.#judge('I4', `the verdict '${reason}' on a grant that is alive`, ['refuse', 'grace-last'])
    if (reason === 'revoked' && family?.alive === true && !this.beyondQ)
      this.fail('I4', `the reason 'revoked' for a grant that the provider has not ended`)
  }

  /** After every write of the grant's row. */
  wrote(before: GrantRecord | undefined, after: GrantRecord | undefined): void {
    const change = expectedChange(before, after)
    if (change !== undefined) this.#expected.push(change)
    const isChanged = before !== undefined && before.id === after?.id && before.version !== after.version
    if (isChanged && after.verdictBy !== undefined) this.#verdict(before, after)
    this.record = after
    if (before !== undefined && after === undefined) {
      if (!this.deleting.has(before.id)) this.fail('I8', 'a log-in was deleted by the end of another')
      this.deletedAt.set(before.id, this.#now())
    }
    const [was, is] = [this.#familyOf(before), this.#familyOf(after)]
    if (was !== undefined && was !== is) this.endedAt.set(was, this.#now())
    if (after === undefined) return
    // I8: a record's tokens are those of its own log-in.
    const own = this.familyOfId.get(after.id)
    if (own === undefined && is !== undefined) {
      if (is.clientId !== after.clientId)
        this.fail('I8', `log-in ${is.id}, of ${is.clientId}, is kept as one of ${after.clientId}`)
      if (before?.id !== after.id) this.familyOfId.set(after.id, is)
    } else if (own !== is) this.fail('I8', `the record of log-in ${own?.id} got tokens of log-in ${is?.id}`)
    if (before === undefined && is !== undefined && this.endedAt.has(is))
      this.fail('I8', `log-in ${is.id}, which was deleted, is back`)
    if (before !== undefined && before.id === after.id && after.version < before.version)
      this.fail('I8', 'the version went back')
    const { accessToken, refreshToken } = tokenOf(after) ?? {}
    for (const redemption of this.redemptions) {
      if (redemption.state !== 'held') continue
      const { issued } = redemption
      const isSaved =
        issued?.accessToken === accessToken || (issued?.refreshToken === refreshToken && this.#mode !== 'static')
      if (!isSaved) continue
      redemption.state = 'done'
      redemption.savedLate = this.#now() > redemption.sentAt + this.#settleMs
    }
  }

  /** A commit found something else in the store: is the token that it brought given up? */
  lost(
    accessToken: string | undefined,
    claimed: { id: string; version: number },
    record: GrantRecord | undefined,
  ): void {
    const redemption = this.redemptions.find((each) => each.issued?.accessToken === accessToken)
    if (redemption === undefined || redemption.state !== 'held') return
    const premature =
      record?.id === claimed.id &&
      record.state === 'reauthorization_required' &&
      record.version === claimed.version + 1 &&
      tokenOf(record)?.refreshToken === redemption.refreshToken
    if (premature) return
    redemption.state = 'done'
    // The stored token was saved first, and its own successor is lost with an answer: what is given up here is beside that.
    const stored = record === undefined ? undefined : tokenOf(record)?.refreshToken
    if (stored !== undefined && this.#unanswered.has(stored)) this.excuse = 'answer lost'
  }

  /** I2, after every event: the refresh token that works is somewhere. */
  check(): void {
    if (this.#violation !== undefined) throw this.#violation
    const family = this.#familyOf(this.record)
    const held = family !== undefined && this.#heldSomewhere(family, false)
    const { excuse } = this
    this.excuse = undefined
    if (family !== undefined && family === this.#watched && this.#wasHeld && !held) {
      const reused = this.#alive && !family.alive && family.endedBy === 'reuse'
      if (family.endedBy === 'user') this.excused.set(family, 'user')
      else if (reused)
        this.#judge('I2', 'the grant was ended by the reuse of a refresh token', [
          'strict',
          'grace-same',
          'grace-new',
          'grace-last',
          // What comes after the grace is not forgiven.
          'time',
        ])
      else if (excuse !== undefined) this.excused.set(family, excuse)
      else if (!this.excused.has(family))
        this.#judge('I2', 'the live refresh token is nowhere any more', ['grace-last'])
      if (this.beyondQ && !this.excused.has(family)) this.excused.set(family, 'answer lost')
    }
    this.#watched = family
    this.#wasHeld = held
    this.#alive = family?.alive === true
  }

  /** When all is done: the feed has each change once, nothing waits to be saved, what is stored works unless that is excused. */
  atTheEnd(feed: readonly Change[], client: string): void {
    const told = feed.filter(({ key }) => key.client === client).map(shown)
    if (told.join() !== this.#expected.join())
      this.fail('feed', `expected ${this.#expected.join(', ')}, got ${told.join(', ')}`)
    // A worker may be at it just now.
    const before = this.#now() - JUST_NOW_MS
    const waiting = this.redemptions.find(
      ({ state, process, sentAt }) => state === 'held' && process.alive && sentAt < before,
    )
    if (waiting !== undefined)
      this.fail('I2', `process ${waiting.process.index} never saved ${waiting.issued?.refreshToken}`)
    const { record } = this
    const family = this.#familyOf(record)
    if (record === undefined || family === undefined || !family.alive) return
    const works = this.#heldSomewhere(family, true)
    if (record.state !== 'active' && works) this.fail('I4', 'a grant that lives is still called dead')
    if (!works && !this.excused.has(family)) this.fail('I2', 'the stored refresh token does not work')
  }

  #heldSomewhere(family: Family, evenIfDead: boolean): boolean {
    const { record } = this
    const works = (token: string | undefined): boolean =>
      this.#server.familyOf(token) === family && this.#server.accepts(token)
    if (record !== undefined && (evenIfDead || record.state === 'active') && works(tokenOf(record)?.refreshToken))
      return true
    return this.redemptions.some(({ state, orphan, process, issued, refreshToken }) => {
      if (state === 'done' || orphan || !process.alive) return false
      return works(state === 'wire' ? refreshToken : issued?.refreshToken)
    })
  }

  refreshTokenOf(record: GrantRecord): string | undefined {
    return tokenOf(record)?.refreshToken
  }

  #familyOf(record: GrantRecord | undefined): Family | undefined {
    return record === undefined ? undefined : this.#server.familyOf(tokenOf(record)?.refreshToken)
  }
}

const tokens = new WeakMap<GrantRecord, TokenFields>()

/** What a record keeps: nothing is sealed in a simulation. */
export function tokenOf(record: { readonly sealed: string }): TokenFields | undefined {
  const known = tokens.get(record as GrantRecord)
  if (known !== undefined) return known
  const { token } = JSON.parse(record.sealed) as { token?: TokenFields }
  if (token !== undefined) tokens.set(record as GrantRecord, token)
  return token
}

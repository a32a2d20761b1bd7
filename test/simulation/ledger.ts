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

/** One token request, until its response is saved or can no longer be saved. */
export interface Redemption {
  readonly process: Process
  readonly refreshToken: string
  readonly sentAt: number
  doubtMs: number
  /**
   * `wire`: not at the server yet. `answering`: its response is in flight. `held`: its process has it, not saved yet.
   */
  state: 'wire' | 'answering' | 'held' | 'done'
  /** The registration that the client named, or undefined without a secret. */
  readonly registration?: Registration | undefined
  /** Its callers have left. */
  orphan: boolean
  /** Its response was saved more than `settleMs` after it was sent. */
  savedLate?: boolean
  issued?: Issued | undefined
}

/** Reasons for which a refresh token may be lost without an error of the library (the model's excuses). */
export type Excuse = 'crash' | 'answer lost' | 'orphan consumed' | 'grace over' | 'user'

/** A redemption that began within this time may still be in flight without any fault. */
const JUST_NOW_MS = 5000

/** Records what really happened, and checks the invariants of redemptions and of stored records. */
export class Ledger {
  readonly redemptions: Redemption[] = []
  readonly excused = new Map<Family, Excuse>()
  /** When a login's grant was deleted or replaced. */
  readonly endedAt = new Map<Family, number>()
  readonly familyOfId = new Map<string, Family>()
  readonly residue = new Set<Invariant>()
  /** Logins that a process was asked to delete. */
  readonly deleting = new Set<string>()
  /** When each login was deleted, by its id. */
  readonly deletedAt = new Map<string, number>()
  /** The changes that the feed must have, in order. */
  readonly #expected: string[] = []
  record: GrantRecord | undefined
  /**
   * Whether a refresh token was sent again although the response to an older request was saved later than `settleMs`,
   * or not yet. This is beyond assumption Q.
   */
  beyondQ = false
  /**
   * The time that the store's slowest response took. A process may be wrong about the store's time by this much, and
   * treat tokens as expired early.
   */
  slowestMs = 0
  /** Number of times that the store's clock was set. */
  storeJumps = 0
  /** The present event, if it excuses a loss. */
  excuse: Excuse | undefined
  readonly #mode: Mode
  readonly #declared: boolean
  readonly #settleMs: number
  readonly #leaseMs: number
  readonly #server: Server
  readonly #now: () => number
  #violation: Violation | undefined
  /** When the store's clock was last set forward, which ended leases and settle times early. */
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

  /** Throws now and again after the event, because a caller may catch what an operation throws. */
  fail(invariant: Invariant, what: string): never {
    this.#violation ??= new Violation(invariant, what, this.#now())
    throw this.#violation
  }

  /** A finding that the server's mode explains if assumption Q is broken, otherwise a violation. */
  #judge(invariant: Invariant, what: string, beyond: readonly Mode[]): void {
    if (!this.beyondQ || !beyond.includes(this.#mode)) this.fail(invariant, what)
    this.residue.add(invariant)
  }

  /** Notes that the store's clock was set. Requests in flight and issued tokens have times of the earlier clock. */
  storeClockSet(byMs: number): void {
    this.storeJumps += 1
    if (byMs > 0) this.#setForwardAt = this.#now()
    for (const redemption of this.redemptions) if (redemption.state !== 'done') redemption.doubtMs += Math.abs(byMs)
    for (const facts of this.#server.access.values()) facts.doubtMs += Math.abs(byMs)
  }

  /** I1: at most one redemption per refresh token is in flight. */
  sent(redemption: Redemption): void {
    this.redemptions.push(redemption)
    // A provider that is known to accept repeats may be asked again at once.
    const harmless = this.#declared && (this.#mode === 'time' || this.#mode === 'static')
    for (const other of this.redemptions) {
      if (other === redemption || other.refreshToken !== redemption.refreshToken) continue
      if (other.savedLate === true && this.#mode !== 'static') this.beyondQ = true
      if (other.state === 'done') continue
      // A clock that is set forward ends the settle time by the store's time, which is the only one that processes
      // know.
      const settled = this.#now() >= other.sentAt + this.#settleMs || this.#setForwardAt >= other.sentAt - this.#leaseMs
      // Once two have met beyond Q, each of their responses may start the next.
      if (!settled && !harmless && !this.beyondQ) {
        this.fail(
          'I1',
          `process ${redemption.process.index} sends ${redemption.refreshToken}, which process ${other.process.index} sent at ${Math.round(other.sentAt)} ms (${other.state})`,
        )
      }
      if (settled) this.beyondQ = true
    }
  }

  /** Notes that this redemption's response is lost, so that its refresh token may be the last stored one. */
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

  /** I4: a verdict is written by the lease's owner, for a refresh token that no longer works. */
  #verdict(record: GrantRecord, { verdictBy, reason }: GrantRecord): void {
    const owner = record.lease?.owner
    if (owner !== verdictBy) this.fail('I4', `a verdict by ${verdictBy}, but ${owner} has the lease`)
    const family = this.#familyOf(record)
    if (family?.alive === true && this.#heldSomewhere(family, true))
      this.#judge('I4', `the verdict '${reason}' on a grant that has not ended`, ['refuse', 'grace-last'])
    if (reason === 'revoked' && family?.alive === true && !this.beyondQ)
      this.fail('I4', `the reason 'revoked' for a grant that the provider has not ended`)
  }

  /** Called after every write of the grant's row. */
  wrote(before: GrantRecord | undefined, after: GrantRecord | undefined): void {
    const change = expectedChange(before, after)
    if (change !== undefined) this.#expected.push(change)
    const isChanged = before !== undefined && before.id === after?.id && before.version !== after.version
    if (isChanged && after.verdictBy !== undefined) this.#verdict(before, after)
    this.record = after
    if (before !== undefined && after === undefined) {
      if (!this.deleting.has(before.id)) this.fail('I8', 'the deletion of a login deleted another one')
      this.deletedAt.set(before.id, this.#now())
    }
    const [was, is] = [this.#familyOf(before), this.#familyOf(after)]
    if (was !== undefined && was !== is) this.endedAt.set(was, this.#now())
    if (after === undefined) return
    // I8: a record's tokens are those of its own login.
    const own = this.familyOfId.get(after.id)
    if (own === undefined && is !== undefined) {
      if (is.clientId !== after.clientId)
        this.fail('I8', `login ${is.id}, of ${is.clientId}, is stored as one of ${after.clientId}`)
      if (before?.id !== after.id) this.familyOfId.set(after.id, is)
    } else if (own !== is) this.fail('I8', `the record of login ${own?.id} got tokens of login ${is?.id}`)
    if (before === undefined && is !== undefined && this.endedAt.has(is))
      this.fail('I8', `login ${is.id}, which was deleted, is back`)
    if (before !== undefined && before.id === after.id && after.version < before.version)
      this.fail('I8', 'the version decreased')
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

  /** Notes that a commit found another record in the store, and checks whether its token is dropped. */
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
    // The stored token was saved first, and its own successor is lost with a response. The dropped token is another
    // matter.
    const stored = record === undefined ? undefined : tokenOf(record)?.refreshToken
    if (stored !== undefined && this.#unanswered.has(stored)) this.excuse = 'answer lost'
  }

  /** I2, after every event: the refresh token that works is not lost. */
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
          // A repeat after the grace period is not accepted.
          'time',
        ])
      else if (excuse !== undefined) this.excused.set(family, excuse)
      else if (!this.excused.has(family)) this.#judge('I2', 'the working refresh token is lost', ['grace-last'])
      if (this.beyondQ && !this.excused.has(family)) this.excused.set(family, 'answer lost')
    }
    this.#watched = family
    this.#wasHeld = held
    this.#alive = family?.alive === true
  }

  /**
   * At the end: the feed has each change once, no token waits to be saved, and the stored token works unless its loss
   * is excused.
   */
  atTheEnd(feed: readonly Change[], client: string): void {
    const told = feed.filter(({ key }) => key.client === client).map(shown)
    if (told.join() !== this.#expected.join())
      this.fail('feed', `expected ${this.#expected.join(', ')}, got ${told.join(', ')}`)
    // A worker may be refreshing it now.
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
    if (record.state !== 'active' && works) this.fail('I4', 'a grant that has not ended is still marked as ended')
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

/** Reads the token of a record. Nothing is sealed in a simulation. */
export function tokenOf(record: { readonly sealed: string }): TokenFields | undefined {
  const known = tokens.get(record as GrantRecord)
  if (known !== undefined) return known
  const { token } = JSON.parse(record.sealed) as { token?: TokenFields }
  if (token !== undefined) tokens.set(record as GrantRecord, token)
  return token
}

import { type Case, check, failures, LONG_MS, newId, SHORT_MS, same, type Stage } from './stage.ts'

export const claimCases: readonly Case[] = [
  [
    'a claim writes the lease and the intent, and leaves version and times as they were',
    async (stage) => {
      const record = await stage.login()
      const answer = await stage.claimed(record, 'one', { leaseMs: 9_000, intent: { hash: 'h', sendWithinMs: 4_000 } })
      const { now } = answer
      const times = { startedAt: now, sendBefore: now + 4_000, sendWithinMs: 4_000 }
      const intent = { ...times, attempt: 1, hash: 'h', open: true, everUnknown: false }
      const expected = { ...record, lease: { owner: 'one', until: now + 9_000, leaseMs: 9_000 }, intent }
      same(answer.takeover, false, '`takeover` of a first claim')
      same(answer.record, expected, 'the claimed record')
      same(await stage.read(), expected, 'the claimed record, read again')
    },
  ],
  [
    "a claim of another login or another version returns 'changed' with the stored record",
    async (stage) => {
      const record = await stage.login()
      for (const changes of [{ version: 2 }, { version: 0 }, { id: newId() }]) {
        const answer = await stage.claim(record, 'one', changes)
        same(answer, { outcome: 'changed', record, now: answer.now }, `a claim with ${JSON.stringify(changes)}`)
      }
      await stage.store.delete(record.key, { id: record.id })
      same((await stage.claim(record, 'one')).outcome, 'changed', 'a claim of a deleted grant')
      same(
        'record' in (await stage.claim(record, 'one')) && (await stage.read().catch(() => 'none')),
        'none',
        'its record',
      )
    },
  ],
  [
    "a claim returns 'busy' while another owner's lease runs",
    async (stage) => {
      const record = await stage.login()
      await stage.claimed(record, 'one', { leaseMs: 100_000, intent: { hash: 'h', sendWithinMs: 90_000 } })
      const answer = await stage.claim(record, 'two', { settleMs: 30_000 })
      check(answer.outcome === 'busy', `Expected the claim of another owner to return 'busy', got '${answer.outcome}'.`)
      if (answer.outcome !== 'busy') return
      check(
        answer.leaseMs > 50_000 && answer.leaseMs <= 100_000,
        `Expected leaseMs to be the rest of a lease of 100000 ms, got ${answer.leaseMs}.`,
      )
      check(
        answer.waitMs > 70_000 && answer.waitMs <= 120_000,
        `Expected waitMs to be the rest of 120000 ms (time to send and settle time), got ${answer.waitMs}.`,
      )
      same((await stage.read()).lease?.owner, 'one', 'the owner of the lease')
    },
  ],
  [
    'exactly one of many concurrent claims gets the lease',
    async (stage) => {
      const record = await stage.login()
      const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => stage.claim(record, `owner ${index}`)))
      const won = answers.flatMap((answer, index) => (answer.outcome === 'claimed' ? [`owner ${index}`] : []))
      same(won.length, 1, 'the number of claims that got the lease')
      same(won, [(await stage.read()).lease?.owner], 'the winner')
    },
  ],
  [
    'an owner may repeat its claim, which counts no attempt and renews the lease and the time to send',
    async (stage) => {
      const record = await stage.login()
      const first = await stage.claimed(record, 'one', { leaseMs: 1_000, intent: { hash: 'h', sendWithinMs: 500 } })
      await stage.pass(SHORT_MS)
      const second = await stage.claimed(record, 'one', { leaseMs: 9_000, intent: { hash: 'h', sendWithinMs: 4_000 } })
      check(second.now > first.now, 'Expected the time of the store to advance.')
      same(second.takeover, false, '`takeover` of a repeated claim')
      const intent = { ...first.record.intent, sendBefore: second.now + 4_000, sendWithinMs: 4_000 }
      same((await stage.read()).intent, intent, 'the intent after a repeated claim')
      same(
        (await stage.read()).lease,
        { owner: 'one', until: second.now + 9_000, leaseMs: 9_000 },
        'the lease after a repeated claim',
      )
    },
  ],
  [
    'an owner may renew its expired lease if no other owner has taken it',
    async (stage) => {
      const record = await stage.login()
      await stage.lapsedClaim(record, 'one')
      const answer = await stage.claimed(record, 'one', { intent: undefined })
      same(answer.record.lease, { owner: 'one', until: answer.now + LONG_MS, leaseMs: LONG_MS }, 'the renewed lease')
      same(answer.record.intent?.attempt, 1, 'the attempt')
    },
  ],
  [
    'a claim without an intent renews the lease of its owner and leaves the intent as it was',
    async (stage) => {
      const record = await stage.login()
      const first = await stage.claimed(record, 'one', { leaseMs: 1_000 })
      await stage.pass(SHORT_MS)
      const second = await stage.claimed(record, 'one', { leaseMs: 9_000, intent: undefined })
      same(second.record.intent, first.record.intent, 'the intent after a renewal')
      same((await stage.read()).lease, { owner: 'one', until: second.now + 9_000, leaseMs: 9_000 }, 'the renewed lease')
      same(
        (await stage.claim({ ...record, version: 2 }, 'one', { intent: undefined })).outcome,
        'changed',
        'a renewal at another version',
      )
    },
  ],
  [
    'a claim without an intent gives no lease to an owner that holds none',
    async (stage) => {
      const record = await stage.login()
      const renew = (owner: string): Promise<{ outcome: string }> => stage.claim(record, owner, { intent: undefined })
      same((await renew('one')).outcome, 'busy', 'a renewal where there is no lease')
      await stage.lapsedClaim(record, 'one')
      same((await renew('two')).outcome, 'busy', "a renewal of another's lease that ended")
      await stage.store.release(record.key, { owner: 'one', spent: 'no' })
      same((await renew('one')).outcome, 'busy', 'a renewal after a release')
      same((await stage.read()).lease, undefined, 'the lease')
    },
  ],
  [
    'an open intent whose lease expired is busy until the settle time is over, and is then taken over',
    async (stage) => {
      const record = await stage.login()
      const first = await stage.lapsedClaim(record, 'one')
      const unsettled = await stage.claim(record, 'two', { settleMs: 100_000 })
      check(unsettled.outcome === 'busy', `Expected an unsettled intent to be 'busy', got '${unsettled.outcome}'.`)
      if (unsettled.outcome !== 'busy') return
      same(unsettled.leaseMs, 0, '`leaseMs` where the lease has ended')
      check(
        unsettled.waitMs > 50_000 && unsettled.waitMs <= 100_000,
        `Expected waitMs to be the rest of a settle time of 100000 ms, got ${unsettled.waitMs}.`,
      )
      const second = await stage.claimed(record, 'two', { settleMs: 0 })
      same(second.takeover, true, '`takeover` of an open intent')
      const intent = {
        startedAt: first.now,
        sendBefore: second.now + LONG_MS / 2,
        sendWithinMs: LONG_MS / 2,
        attempt: 2,
        hash: 'hash',
        open: true,
        everUnknown: true,
      }
      same((await stage.read()).intent, intent, 'the intent that was taken over')
      same((await stage.read()).lease?.owner, 'two', 'the owner of the lease')
      const repeated = await stage.claimed(record, 'two', { settleMs: 0 })
      same(
        [repeated.takeover, repeated.record.intent?.attempt],
        [true, 2],
        'takeover and attempt when it repeats its claim',
      )
    },
  ],
  [
    'a takeover counts an attempt and keeps the start of the first one',
    async (stage) => {
      const record = await stage.login()
      const { now } = await stage.lapsedClaim(record, 'one')
      await stage.claimed(record, 'two', { settleMs: 0, leaseMs: SHORT_MS, intent: { hash: 'hash', sendWithinMs: 1 } })
      await stage.pass(SHORT_MS)
      const third = await stage.claimed(record, 'three', { settleMs: 0 })
      same([third.record.intent?.attempt, third.record.intent?.startedAt], [3, now], 'attempt and start')
    },
  ],
  [
    'an open intent may be taken over at once within repeatWithinMs of its start, but not while the lease runs',
    async (stage) => {
      const record = await stage.login()
      await stage.lapsedClaim(record, 'one')
      same((await stage.claim(record, 'two', { repeatWithinMs: 1 })).outcome, 'busy', 'a claim after repeatWithinMs')
      const second = await stage.claimed(record, 'two', { repeatWithinMs: LONG_MS })
      same([second.takeover, second.record.intent?.attempt], [true, 2], 'takeover and attempt within repeatWithinMs')
      same(
        (await stage.claim(record, 'three', { repeatWithinMs: LONG_MS })).outcome,
        'busy',
        'a claim over a lease that runs',
      )
    },
  ],
  [
    "a claim returns 'later' during the back-off",
    async (stage) => {
      const record = await stage.login()
      const { until } = await backOff(stage, record.key, { mandatory: false })
      const answer = await stage.claim(record, 'two')
      same(answer, { outcome: 'later', until, mandatory: false, code: 'unavailable', now: answer.now }, 'the result')
      same((await stage.read()).lease, undefined, 'the lease')
      const forced = await stage.claimed(record, 'two', { force: true })
      same(forced.record.failures?.notBefore, until, 'the back-off after a forced claim')
      same((await stage.claim(record, 'two')).outcome, 'claimed', 'the repeat of that claim, not forced')
    },
  ],
  [
    'a forced claim does not pass a mandatory back-off',
    async (stage) => {
      const record = await stage.login()
      const { until } = await backOff(stage, record.key, { mandatory: true })
      const answer = await stage.claim(record, 'two', { force: true })
      same(answer, { outcome: 'later', until, mandatory: true, code: 'unavailable', now: answer.now }, 'the result')
    },
  ],
  [
    'a claim succeeds after the back-off',
    async (stage) => {
      const record = await stage.login()
      await backOff(stage, record.key, { mandatory: true, forMs: SHORT_MS })
      await stage.pass(SHORT_MS)
      same((await stage.claim(record, 'two')).outcome, 'claimed', 'a claim after the back-off')
    },
  ],
  [
    "a claim returns 'changed' and 'busy' rather than 'later'",
    async (stage) => {
      const record = await stage.login()
      await backOff(stage, record.key, { mandatory: false })
      same((await stage.claim(record, 'two', { version: 2 })).outcome, 'changed', 'a claim at another version')
      await stage.claimed(record, 'one', { force: true })
      same((await stage.claim(record, 'two')).outcome, 'busy', "a claim while another's lease runs")
    },
  ],
  [
    'an ended grant can be claimed, because it may be tried again',
    async (stage) => {
      const record = await stage.login({ state: 'reauthorization_required', reason: 'revoked' })
      same((await stage.claimed(record, 'one')).record.state, 'reauthorization_required', 'the state')
    },
  ],
]

async function backOff(
  stage: Stage,
  key: Parameters<Stage['store']['read']>[0],
  options: { mandatory: boolean; forMs?: number },
): Promise<{ until: number }> {
  const { now } = await stage.claimed(await stage.read(key), 'one')
  const until = now + (options.forMs ?? LONG_MS)
  const { mandatory } = options
  await stage.store.release(key, {
    owner: 'one',
    spent: 'no',
    failures: failures(now, { notBefore: until, mandatory }),
  })
  return { until }
}

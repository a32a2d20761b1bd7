import { type GrantRecord, RECORD_SCHEMA } from '../../stores/store.ts'
import { type Case, check, failures, LONG_MS, newGrant, newId, SHORT_MS, same, type Stage } from './stage.ts'

const HOUR_MS = 3_600_000

/** Cases about clocks that are set. They are empty without a clock that can be set. */
export const timeCases: readonly Case[] = [
  [
    'a back-off lasts at most its own delay, counted from the first claim that met it',
    async (stage) => {
      for (const [mandatory, aheadMs] of [
        [false, HOUR_MS],
        [true, 30 * HOUR_MS],
      ] as const) {
        const record = await stage.login()
        const { now } = await stage.claimed(record, 'one')
        const at = now + aheadMs
        const failed = failures(at, { notBefore: at + SHORT_MS, mandatory })
        await stage.store.release(record.key, { owner: 'one', spent: 'no', failures: failed })
        const answer = await stage.claim(record, 'two', { force: mandatory })
        same(answer.outcome, 'later', 'the result of a claim during a back-off of another clock')
        if (answer.outcome !== 'later') return
        same([answer.mandatory, answer.code], [mandatory, 'unavailable'], '`mandatory` and `code` of that result')
        check(
          answer.until <= answer.now + SHORT_MS,
          `Expected a back-off of ${SHORT_MS} ms to end after that, got ${answer.until - answer.now} ms.`,
        )
        await stage.pass(SHORT_MS)
        same((await stage.claim(record, 'two')).outcome, 'claimed', 'a claim after that delay')
      }
    },
  ],
  [
    'a back-off of correct clocks lasts until its own time',
    async (stage) => {
      const record = await stage.login()
      const { now } = await stage.claimed(record, 'one')
      const failed = failures(now - LONG_MS, { notBefore: now + 10 * LONG_MS })
      await stage.store.release(record.key, { owner: 'one', spent: 'no', failures: failed })
      const answer = await stage.claim(record, 'two')
      same('until' in answer && answer.until, failed.notBefore, 'the end of the back-off')
      same((await stage.read()).failures, failed, 'the failures')
    },
  ],
  [
    'after a clock was set back, a lease and an intent last exactly their own length once more',
    async (stage) => {
      const record = await stage.login()
      await stage.claimed(record, 'one', { leaseMs: 10_000, intent: { hash: 'h', sendWithinMs: 6_000 } })
      await stage.setBack(HOUR_MS, async () => {
        // The claims of another policy, with shorter times.
        const claim = { leaseMs: 2_000, settleMs: 5_000, intent: { hash: 'h', sendWithinMs: 1_000 } }
        const first = await stage.claim(record, 'two', claim)
        same(waitOf(first), [11_000, 10_000], 'waitMs and leaseMs once the clock was set back')
        await stage.pass(9_999)
        same(waitOf(await stage.claim(record, 'two', claim)), [1_001, 1], 'waitMs and leaseMs at the end of the lease')
        await stage.pass(1_001)
        const second = await stage.claimed(record, 'two', claim)
        same([second.takeover, second.record.intent?.attempt], [true, 2], 'takeover and attempt after both')
      })
    },
  ],
  [
    'after a clock was set back, an owner renews its lease, and another owner waits for that lease only',
    async (stage) => {
      const record = await stage.login()
      await stage.claimed(record, 'one', { leaseMs: 10_000, intent: { hash: 'h', sendWithinMs: 6_000 } })
      await stage.setBack(HOUR_MS, async () => {
        const renewed = await stage.claimed(record, 'one', { leaseMs: 10_000, intent: undefined })
        same(renewed.record.lease?.until, renewed.now + 10_000, 'the end of the renewed lease')
        same(waitOf(await stage.claim(record, 'two', { settleMs: 1_000 })), [10_000, 10_000], "another's wait")
        await stage.store.release(record.key, { owner: 'one', spent: 'no' })
        same((await stage.claim(record, 'two')).outcome, 'claimed', 'a claim after the release')
      })
    },
  ],
  [
    'after a clock was set back, repeatWithinMs does not shorten the wait',
    async (stage) => {
      const record = await stage.login()
      await stage.claimed(record, 'one', { leaseMs: 1_000, intent: { hash: 'h', sendWithinMs: 6_000 } })
      await stage.setBack(HOUR_MS, async () => {
        const claim = { settleMs: 5_000, repeatWithinMs: 60_000 }
        same(waitOf(await stage.claim(record, 'two', claim)), [11_000, 1_000], 'waitMs and leaseMs')
        await stage.pass(2_000)
        same(waitOf(await stage.claim(record, 'two', claim)), [9_000, 0], 'waitMs and leaseMs after the lease')
        await stage.pass(9_000)
        const second = await stage.claimed(record, 'two', { ...claim, leaseMs: SHORT_MS })
        await stage.pass(HOUR_MS - 11_000 + SHORT_MS)
        const third = await stage.claim(second.record, 'three', { settleMs: 2 * HOUR_MS, repeatWithinMs: 60_000 })
        same(third.outcome, 'busy', 'a claim when the clock has come to where the first attempt began')
      })
    },
  ],
  [
    'after a clock was set back, leased, failed and reserved grants are due again after their own time',
    async (stage) => {
      const now = (await stage.store.read(stage.key())).now
      const refreshAfter = now - 2 * HOUR_MS
      for (const subject of ['leased', 'backing off', 'reserved'])
        await stage.login({ refreshAfter }, stage.key(subject))
      await stage.claimed(await stage.read(stage.key('leased')), 'one', { leaseMs: 10_000 })
      const failing = await stage.claimed(await stage.read(stage.key('backing off')), 'one')
      const failed = failures(failing.now, { notBefore: failing.now + 10_000 })
      await stage.store.release(failing.record.key, { owner: 'one', spent: 'no', failures: failed })
      same(await due(stage, 60_000), ['reserved'], 'the due grants before')
      await stage.setBack(HOUR_MS, async () => {
        const found = new Set<string>()
        for (let second = 0; second < 75; second += 5) {
          for (const subject of await due(stage, 1_000)) found.add(subject)
          await stage.pass(5_000)
        }
        same([...found].sort(), ['backing off', 'leased', 'reserved'], 'the due grants of the minute after')
      })
      for (const record of await stage.list({ client: stage.client })) {
        await stage.store.delete(record.key, { id: record.id })
      }
    },
  ],
  [
    'a record of a newer schema is neither replaced nor deleted',
    async (stage) => {
      const newer = await stage.login({ schema: RECORD_SCHEMA + 1 })
      const refused = async (work: Promise<unknown>, what: string): Promise<void> => {
        const code = await work.then(
          () => 'no error',
          (error: unknown) => (error as { code?: unknown }).code,
        )
        same(code, 'config_error', `the error's code of ${what}`)
        same(await stage.read(), newer, `the record after ${what}`)
      }
      await refused(stage.login(), 'another login')
      await refused(stage.store.delete(newer.key, { id: newer.id }), 'a deletion')
      const expected = { id: newer.id, version: newer.version }
      await refused(stage.store.put(newer.key, newGrant(), expected), 'a login that expects it')
      same((await stage.store.delete(newer.key, { id: newId() })).record, undefined, "another login's deletion")
      same((await stage.store.put(newer.key, newGrant(), { id: newId() })).committed, false, 'one that expects another')
      same(await stage.read(), newer, 'the record in the end')
    },
  ],
]

function waitOf(answer: Awaited<ReturnType<Stage['claim']>>): unknown {
  return answer.outcome === 'busy' ? [answer.waitMs, answer.leaseMs] : answer.outcome
}

async function due(stage: Stage, reserveMs: number): Promise<string[]> {
  const { now } = await stage.store.read(stage.key())
  const { records } = await stage.store.due({ before: now, limit: 10_000, reserveMs })
  return records.filter(({ key }: GrantRecord) => key.client === stage.client).map(({ key }) => key.subject)
}

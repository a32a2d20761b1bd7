import { type Case, failures, LONG_MS, present, same } from './stage.ts'

export const releaseCases: readonly Case[] = [
  [
    "a release of 'no' removes the lease and closes the intent, so that the next claim is a first attempt",
    async (stage) => {
      const record = await stage.login()
      const first = await stage.claimed(record, 'one')
      await stage.store.release(record.key, { owner: 'one', spent: 'no' })
      const intent = { ...present(first.record.intent, 'an intent'), open: false }
      same(await stage.read(), { ...record, intent }, 'the released record')
      const second = await stage.claimed(record, 'two')
      same(second.takeover, false, '`takeover`')
      const { attempt, everUnknown, startedAt } = present(second.record.intent, 'an intent')
      same([attempt, everUnknown, startedAt], [1, false, second.now], 'attempt, everUnknown and startedAt')
    },
  ],
  [
    "a release of 'unknown' removes the lease and leaves the intent open until the settle time is over",
    async (stage) => {
      const record = await stage.login()
      const first = await stage.claimed(record, 'one')
      await stage.store.release(record.key, { owner: 'one', spent: 'unknown' })
      const intent = { ...present(first.record.intent, 'an intent'), everUnknown: true }
      same(await stage.read(), { ...record, intent }, 'the released record')
      for (const owner of ['one', 'two']) {
        same((await stage.claim(record, owner)).outcome, 'busy', `a claim of ${owner} before it is settled`)
      }
      const second = await stage.claimed(record, 'two', { repeatWithinMs: LONG_MS })
      same([second.takeover, second.record.intent?.attempt], [true, 2], 'takeover and attempt once it is settled')
      same(second.record.intent?.startedAt, first.now, 'its start')
    },
  ],
  [
    "a settled release of 'unknown' closes the intent and keeps that it was once unknown",
    async (stage) => {
      const record = await stage.login()
      const first = await stage.claimed(record, 'one')
      await stage.store.release(record.key, { owner: 'one', spent: 'unknown', settled: true })
      const intent = { ...present(first.record.intent, 'an intent'), open: false, everUnknown: true }
      same(await stage.read(), { ...record, intent }, 'the released record')
      const second = await stage.claimed(record, 'two')
      const again = present(second.record.intent, 'an intent')
      same([second.takeover, again.attempt, again.everUnknown], [false, 2, true], 'takeover, attempt and everUnknown')
      same(again.startedAt, first.now, 'its start')
      await stage.store.release(record.key, { owner: 'two', spent: 'no' })
      same((await stage.read()).intent?.everUnknown, true, "everUnknown after a later release of 'no'")
    },
  ],
  [
    'an unknown outcome of one refresh token is not kept for the next refresh token',
    async (stage) => {
      const record = await stage.login()
      await stage.claimed(record, 'one')
      await stage.store.release(record.key, { owner: 'one', spent: 'unknown', settled: true })
      const next = await stage.claimed(record, 'two', { intent: { hash: 'another', sendWithinMs: 1 } })
      const { attempt, everUnknown, startedAt } = present(next.record.intent, 'an intent')
      same([attempt, everUnknown, startedAt], [1, false, next.now], 'attempt, everUnknown and startedAt')
    },
  ],
  [
    "a release does not change another owner's lease",
    async (stage) => {
      const record = await stage.login()
      const { record: claimed } = await stage.claimed(record, 'one')
      await stage.store.release(record.key, { owner: 'two', spent: 'no', failures: failures(0) })
      same(await stage.read(), claimed, 'the record')
    },
  ],
  [
    'a release without a lease or a grant changes nothing',
    async (stage) => {
      const record = await stage.login()
      await stage.store.release(record.key, { owner: 'one', spent: 'no', failures: failures(0) })
      same(await stage.read(), record, 'the record')
      await stage.store.release(stage.key('nobody'), { owner: 'one', spent: 'unknown' })
      same((await stage.store.read(stage.key('nobody'))).record, undefined, 'what is there')
    },
  ],
  [
    'a repeated release does not change the next lease',
    async (stage) => {
      const record = await stage.login()
      await stage.claimed(record, 'one')
      await stage.store.release(record.key, { owner: 'one', spent: 'no' })
      const { record: claimed } = await stage.claimed(record, 'two')
      await stage.store.release(record.key, { owner: 'one', spent: 'no', failures: failures(0) })
      same(await stage.read(), claimed, 'the record')
    },
  ],
  [
    'an owner may release its expired lease',
    async (stage) => {
      const record = await stage.login()
      await stage.lapsedClaim(record, 'one')
      await stage.store.release(record.key, { owner: 'one', spent: 'no' })
      same((await stage.read()).lease, undefined, 'the lease')
      same((await stage.claim(record, 'two')).outcome, 'claimed', 'the next claim')
    },
  ],
  [
    'a release replaces the failures only if it has some',
    async (stage) => {
      const record = await stage.login()
      const past = failures(1, { notBefore: 2 })
      await stage.claimed(record, 'one')
      await stage.store.release(record.key, { owner: 'one', spent: 'no', failures: past })
      same((await stage.read()).failures, past, 'the failures')
      await stage.claimed(record, 'two')
      await stage.store.release(record.key, { owner: 'two', spent: 'no' })
      same((await stage.read()).failures, past, 'the failures after a release without any')
      const more = failures(1, { code: 'refused', count: 2, lastAt: 3, notBefore: 4, mandatory: true })
      await stage.claimed(record, 'three')
      await stage.store.release(record.key, { owner: 'three', spent: 'no', failures: more })
      same((await stage.read()).failures, more, 'the failures that replaced them')
      same((await stage.read()).version, 1, 'the version')
    },
  ],
]

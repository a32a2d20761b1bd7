import { type Case, LONG_MS, newContent, present, SHORT_MS, same } from './stage.ts'

/** Operations with the record that their caller works from. Each must do as it would without it. */
export const seenCases: readonly Case[] = [
  [
    'a claim, a commit and a release accept the record that their caller has read',
    async (stage) => {
      const { store } = stage
      const record = await stage.login()
      const request = { id: record.id, version: 1, owner: 'one', leaseMs: LONG_MS, settleMs: LONG_MS }
      const intent = { hash: 'hash', sendWithinMs: LONG_MS / 2 }
      const claim = await store.claim(record.key, { ...request, intent }, record)
      same(claim.outcome, 'claimed', 'a claim of the record as it is')
      const claimed = present(claim.outcome === 'claimed' ? claim.record : undefined, 'the claimed record')
      same(await stage.read(), claimed, 'the claimed record, read again')
      const commit = await store.commit(record.key, { id: record.id, version: 1, ...newContent() }, claimed)
      same([commit.committed, commit.record?.version], [true, 2], 'a commit over the claimed record')
      const again = await store.claim(record.key, { ...request, version: 2, intent }, commit.record)
      const held = present(again.outcome === 'claimed' ? again.record : undefined, 'the record claimed again')
      await store.release(record.key, { owner: 'one', spent: 'no' }, held)
      same((await stage.read()).lease, undefined, 'the lease after a release')
    },
  ],
  [
    'a record that was written after its caller read it is read again',
    async (stage) => {
      const { store } = stage
      const seen = await stage.login()
      const request = { id: seen.id, version: 1, leaseMs: LONG_MS, settleMs: LONG_MS }
      const intent = { hash: 'hash', sendWithinMs: LONG_MS / 2 }
      await stage.claimed(seen, 'one')
      same(
        (await store.claim(seen.key, { ...request, owner: 'two', intent }, seen)).outcome,
        'busy',
        'the claim of another',
      )
      same(
        (await store.claim(seen.key, { ...request, owner: 'one', intent }, seen)).outcome,
        'claimed',
        "the holder's claim",
      )
      await store.release(seen.key, { owner: 'two', spent: 'no' }, seen)
      same((await stage.read()).lease?.owner, 'one', 'the owner after the release of another')
      await stage.commit(seen)
      same(
        (await store.claim(seen.key, { ...request, owner: 'two', intent }, seen)).outcome,
        'changed',
        'a claim of an old version',
      )
      const late = await store.commit(seen.key, { id: seen.id, version: 1, ...newContent() }, seen)
      same([late.committed, late.record?.version], [false, 2], 'a commit over an old version')
    },
  ],
  [
    'a lease or a back-off that ended after its caller read the record does not stop a claim',
    async (stage) => {
      const record = await stage.login()
      const { record: claimed } = await stage.lapsedClaim(record, 'one')
      const answer = await stage.store.claim(
        record.key,
        {
          id: record.id,
          version: 1,
          owner: 'two',
          leaseMs: LONG_MS,
          settleMs: 0,
          intent: { hash: 'hash', sendWithinMs: SHORT_MS },
        },
        claimed,
      )
      same(answer.outcome, 'claimed', 'a claim after the lease that was seen')
    },
  ],
  [
    'a read record of another grant or another store has no effect',
    async (stage) => {
      const record = await stage.login()
      const other = await stage.login({}, stage.key('other'))
      for (const seen of [other, { ...record }]) {
        const commit = await stage.store.commit(record.key, { id: 'none', version: 1, ...newContent() }, seen)
        same([commit.committed, commit.record], [false, record], 'a commit of another login')
      }
      same(await stage.read(stage.key('other')), other, 'the other grant')
    },
  ],
]

import { RECORD_SCHEMA } from '../../stores/store.ts'
import { type Case, check, failures, LONG_MS, newContent, newId, present, same } from './stage.ts'

export const commitCases: readonly Case[] = [
  [
    'a token replaces the content, increments the version and removes lease, intent and failures',
    async (stage) => {
      const record = await stage.login({ expiresAt: 1, refreshAfter: 2, refreshTokenExpiresAt: 3, scope: ['email'] })
      const { now } = await stage.claimed(record, 'one')
      await stage.store.release(record.key, {
        owner: 'one',
        spent: 'unknown',
        failures: failures(now, { notBefore: 0 }),
      })
      await stage.claimed(record, 'one', { repeatWithinMs: LONG_MS })
      const content = newContent({ expiresAt: 11, scope: ['profile'], lastRefreshedAt: 12 })
      const answer = await stage.store.commit(record.key, { id: record.id, version: 1, ...content })
      const { id, schema, issuer, clientId, createdAt } = record
      const expected = {
        key: record.key,
        id,
        version: 2,
        schema,
        issuer,
        clientId,
        createdAt,
        updatedAt: answer.now,
        ...content,
      }
      same(answer.committed, true, '`committed`')
      same(answer.record, expected, 'the committed record')
      same(await stage.read(), expected, 'the committed record, read again')
    },
  ],
  [
    "a token needs no lease, and removes another owner's lease",
    async (stage) => {
      const record = await stage.login()
      same((await stage.commit(record)).committed, true, 'a commit without a lease')
      const next = await stage.read()
      await stage.claimed(next, 'another')
      same((await stage.commit(next)).committed, true, "a commit under another owner's lease")
      const last = await stage.read()
      same([last.version, last.lease, last.intent], [3, undefined, undefined], 'version, lease and intent')
    },
  ],
  [
    'a token is stored with its own failures and its own schema',
    async (stage) => {
      const record = await stage.login()
      const kept = failures(5, { code: 'identity_changed', count: 3, mandatory: true })
      const dead = { state: 'reauthorization_required', reason: 'identity_changed' } as const
      await stage.commit(record, { ...dead, failures: kept })
      same((await stage.read()).failures, kept, 'the failures')
      same((await stage.read()).reason, 'identity_changed', 'the reason')
      const newer = { id: record.id, version: 2, schema: RECORD_SCHEMA + 1, ...newContent() }
      await stage.store.commit(record.key, newer)
      const last = await stage.read()
      same(
        [last.schema, last.reason, last.failures],
        [RECORD_SCHEMA + 1, undefined, undefined],
        'schema, reason and failures',
      )
    },
  ],
  [
    'a repeated commit returns its own record and changes nothing',
    async (stage) => {
      const record = await stage.login()
      const content = newContent()
      const commit = { id: record.id, version: 1, ...content }
      await stage.store.commit(record.key, commit)
      const again = await stage.store.commit(record.key, commit)
      same([again.committed, again.record?.version, again.record?.sealed], [false, 2, content.sealed], 'the result')
      same((await stage.read()).version, 2, 'the version')
    },
  ],
  [
    'exactly one of many concurrent commits wins, and the others return its record',
    async (stage) => {
      const record = await stage.login()
      const answers = await Promise.all(Array.from({ length: 12 }, () => stage.commit(record)))
      same(answers.filter((answer) => answer.committed).length, 1, 'the number of commits that won')
      const stored = await stage.read()
      same(stored.version, 2, 'the version')
      for (const answer of answers) same(answer.record, stored, 'the returned record')
    },
  ],
  [
    'a token of another login or another version does not change the record',
    async (stage) => {
      const record = await stage.login()
      for (const changes of [{ id: newId() }, { version: 0 }, { version: 2 }]) {
        const answer = await stage.commit({ ...record, ...changes })
        same([answer.committed, answer.record], [false, record], `a commit with ${JSON.stringify(changes)}`)
      }
      same(await stage.read(), record, 'the record')
    },
  ],
  [
    'a commit does not restore a deleted grant',
    async (stage) => {
      const record = await stage.login()
      await stage.store.delete(record.key, { id: record.id })
      const answer = await stage.commit(record)
      same([answer.committed, answer.record], [false, undefined], 'a commit after a deletion')
      same((await stage.store.read(record.key)).record, undefined, 'what is there')
    },
  ],
  [
    'a commit of an older login does not change the newer login at the same version',
    async (stage) => {
      const old = await stage.login()
      await stage.store.delete(old.key, { id: old.id })
      const next = await stage.login()
      same((await stage.commit(old)).committed, false, 'the commit of the deleted login')
      await stage.commit({ ...old, version: next.version })
      same(await stage.read(), next, 'the record of the newer login')
    },
  ],
  [
    'a verdict is written by the owner of the lease only',
    async (stage) => {
      const record = await stage.login()
      const verdict = { id: record.id, version: 1, owner: 'one', verdict: 'revoked' } as const
      same((await stage.store.commit(record.key, verdict)).committed, false, 'a verdict without a lease')
      const { record: claimed } = await stage.claimed(record, 'two')
      same((await stage.store.commit(record.key, verdict)).committed, false, "a verdict under another's lease")
      const stale = { ...verdict, owner: 'two', version: 2 }
      same((await stage.store.commit(record.key, stale)).committed, false, 'a verdict at another version')
      const strange = { ...verdict, owner: 'two', id: newId() }
      same((await stage.store.commit(record.key, strange)).committed, false, 'a verdict on another login')
      same(await stage.read(), claimed, 'the record')
    },
  ],
  [
    'a verdict keeps the sealed token and the failures, removes the lease and closes the intent',
    async (stage) => {
      const record = await stage.login({ expiresAt: 7, refreshAfter: 8, scope: ['email'] })
      const first = await stage.claimed(record, 'zero')
      const kept = failures(first.now, { notBefore: 0 })
      await stage.store.release(record.key, { owner: 'zero', spent: 'unknown', failures: kept })
      const { record: claimed } = await stage.claimed(record, 'one', { repeatWithinMs: LONG_MS })
      const answer = await stage.store.commit(record.key, {
        id: record.id,
        version: 1,
        owner: 'one',
        verdict: 'answer_lost',
      })
      const intent = { ...present(claimed.intent, 'an intent'), open: false }
      const dead = { state: 'reauthorization_required', reason: 'answer_lost', verdictBy: 'one' }
      const expected = { ...claimed, ...dead, version: 2, lease: undefined, intent, updatedAt: answer.now }
      same(answer, { committed: true, record: expected, now: answer.now }, 'the result of a verdict')
      same([intent.everUnknown, expected.failures], [true, kept], '`everUnknown` and failures')
      same(await stage.read(), expected, 'the ended record')
    },
  ],
  [
    'a verdict may be written after the lease expired if no other owner has taken it',
    async (stage) => {
      const record = await stage.login()
      await stage.lapsedClaim(record, 'one')
      const verdict = { id: record.id, version: 1, owner: 'one', verdict: 'revoked' } as const
      same((await stage.store.commit(record.key, verdict)).committed, true, 'a verdict after the end of the lease')
      const other = await stage.login({}, stage.key('other'))
      await stage.lapsedClaim(other, 'one')
      await stage.claimed(other, 'two', { settleMs: 0 })
      const late = await stage.store.commit(other.key, { ...verdict, id: other.id })
      check(!late.committed, 'Expected a verdict to be refused when another has taken the lease over.')
    },
  ],
  [
    'a repeated verdict changes nothing, and counts as written for its owner',
    async (stage) => {
      const record = await stage.login()
      await stage.claimed(record, 'one')
      const verdict = { id: record.id, version: 1, owner: 'one', verdict: 'revoked' } as const
      const { record: dead } = await stage.store.commit(record.key, verdict)
      const again = await stage.store.commit(record.key, verdict)
      same([again.committed, again.record], [true, dead], 'the result of its repeat')
      const other = await stage.store.commit(record.key, { ...verdict, owner: 'two' })
      same([other.committed, other.record], [false, dead], 'the result of the same verdict of another owner')
      same(await stage.read(), dead, 'the record')
    },
  ],
  [
    'a token makes an ended grant active',
    async (stage) => {
      const record = await stage.login()
      await stage.claimed(record, 'one')
      const verdict = { id: record.id, version: 1, owner: 'one', verdict: 'revoked' } as const
      const { record: dead } = await stage.store.commit(record.key, verdict)
      same((await stage.commit(present(dead, 'the ended record'))).committed, true, 'a token over a verdict')
      const alive = await stage.read()
      same([alive.state, alive.reason, alive.version, alive.intent], ['active', undefined, 3, undefined], 'the record')
    },
  ],
]

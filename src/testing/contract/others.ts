import { RECORD_SCHEMA } from '../../stores/store.ts'
import { type Case, failures, newId, SHORT_MS, same } from './stage.ts'

export const otherCases: readonly Case[] = [
  [
    'resealing replaces only the sealed token, and only the one that it was made from',
    async (stage) => {
      const record = await stage.login({ sealed: 'old' })
      const { record: claimed } = await stage.claimed(record, 'one')
      const { id, key } = record
      same(await stage.store.reseal(key, { id, from: 'other', to: 'new' }), false, 'resealing what is not there')
      same(await stage.store.reseal(key, { id: newId(), from: 'old', to: 'new' }), false, 'resealing another login')
      same(await stage.read(), claimed, 'the record')
      same(await stage.store.reseal(key, { id, from: 'old', to: 'new' }), true, 'resealing what is there')
      same(await stage.read(), { ...claimed, sealed: 'new' }, 'the resealed record')
      same(await stage.store.reseal(stage.key('nobody'), { id, from: 'old', to: 'new' }), false, 'resealing nothing')
    },
  ],
  [
    'an id is accepted once',
    async (stage) => {
      const [one, other] = [`${newId()}:{*}\0😀`, newId()]
      same(await stage.store.once(one, 600_000, 'a'), true, 'an id that was never seen')
      same(await stage.store.once(one, 600_000, 'b'), false, 'an id that was seen')
      same(await stage.store.once(one, 600_000, 'a'), true, 'the id for the same caller again')
      same(await stage.store.once(other, 600_000, 'b'), true, 'another id')
      const race = newId()
      const answers = await Promise.all(Array.from({ length: 20 }, (_, by) => stage.store.once(race, 600_000, `${by}`)))
      same(answers.filter(Boolean).length, 1, 'how many of twenty at once see an id first')
    },
  ],
  [
    'an id is forgotten after its time',
    async (stage) => {
      const id = newId()
      await stage.store.once(id, SHORT_MS, 'a')
      await stage.pass(SHORT_MS)
      same(await stage.store.once(id, 600_000, 'b'), true, 'an id whose time is over')
      same(await stage.store.once(id, 600_000, 'a'), false, 'the same id again')
    },
  ],
  [
    'a deletion deletes only its login and returns the deleted record, also when it is repeated',
    async (stage) => {
      const record = await stage.login()
      const other = await stage.login({}, stage.key('subject', 'account'))
      const remove = async (id: string): Promise<unknown> => (await stage.store.delete(record.key, { id })).record
      same(await remove(newId()), undefined, 'what a deletion of another login returns')
      same(await stage.read(), record, 'the record')
      const { record: claimed } = await stage.claimed(record, 'one')
      same(await remove(record.id), claimed, 'what a deletion returns')
      same((await stage.store.read(record.key)).record, undefined, 'what is there')
      same(await remove(record.id), claimed, 'what its repeat returns')
      same(await stage.read(other.key), other, "another account's record")
      const next = await stage.login()
      same(await remove(record.id), claimed, 'what a late repeat returns')
      same((await stage.read()).id, next.id, 'the login that came after')
      same(next.lease, undefined, 'its lease')
    },
  ],
  [
    'a list holds the grants of the given filter',
    async (stage) => {
      const dead = { state: 'reauthorization_required', reason: 'revoked' } as const
      await stage.login({}, stage.key('ann'))
      await stage.login(dead, stage.key('ann', 'work'))
      await stage.login({}, stage.key('bob'))
      await stage.login({}, { ...stage.key('bob'), client: `${stage.client}:` })
      const named = async (filter: Parameters<typeof stage.list>[0]): Promise<string[]> =>
        (await stage.list(filter))
          .map(({ key }) => `${key.client.length - stage.client.length}${key.subject}${key.account}`)
          .sort()
      const { client } = stage
      same(await named({ client }), ['0ann', '0annwork', '0bob'], "a client's grants")
      same(await named({ client, subject: 'ann' }), ['0ann', '0annwork'], "a subject's grants at a client")
      same(await named({ client, state: 'active' }), ['0ann', '0bob'], "a client's living grants")
      same(await named({ client, state: 'reauthorization_required' }), ['0annwork'], "a client's ended grants")
      same(await named({ client, subject: 'ann', state: 'active' }), ['0ann'], 'all three')
      same(await named({ client: `${client}:` }), ['1bob'], 'a client whose name has the same beginning')
      same(await named({ client: newId() }), [], "an unknown client's grants")
      const everything = await stage.list(undefined)
      same(everything.filter((record) => record.key.client.startsWith(client)).length, 4, 'the number of all grants')
    },
  ],
  [
    'a list of a subject holds its grants at all clients',
    async (stage) => {
      const subject = `${newId()} "%_*`
      await stage.login({}, stage.key(subject))
      await stage.login({}, { ...stage.key(subject), client: `${stage.client} other` })
      await stage.login({}, stage.key(`${subject} `))
      same((await stage.list({ subject })).length, 2, 'the number of grants of a subject')
    },
  ],
  [
    'a long list has each grant once, also while grants are deleted and written',
    async (stage) => {
      const keys = Array.from({ length: 257 }, (_, index) => stage.key(`subject ${index}`))
      await Promise.all(keys.map((key) => stage.login({}, key)))
      const seen: string[] = []
      for await (const record of stage.store.list({ client: stage.client })) {
        seen.push(record.key.subject)
        if (seen.length % 2 === 0) await stage.commit(record)
        else await stage.store.delete(record.key, { id: record.id })
      }
      same(seen.sort(), keys.map(({ subject }) => subject).sort(), 'the grants that were listed')
      same((await stage.list({ client: stage.client })).length, 128, 'the number of grants that are left')
    },
  ],
  [
    'the due grants are those that may be refreshed now, the longest due first',
    async (stage) => {
      const before = 1_000
      const times: Readonly<Record<string, number>> = { third: 30, first: 10, second: 20, exactly: before }
      for (const [subject, refreshAfter] of Object.entries(times))
        await stage.login({ refreshAfter }, stage.key(subject))
      await stage.login({ refreshAfter: before + 1 }, stage.key('not yet'))
      await stage.login({}, stage.key('never'))
      await stage.login({ refreshAfter: 1, state: 'reauthorization_required', reason: 'revoked' }, stage.key('dead'))
      await stage.login({ refreshAfter: 1, schema: RECORD_SCHEMA + 1 }, stage.key('newer schema'))
      const leased = await stage.login({ refreshAfter: 1 }, stage.key('leased'))
      await stage.claimed(leased, 'one')
      const failing = await stage.login({ refreshAfter: 1 }, stage.key('backing off'))
      const { now } = await stage.claimed(failing, 'one')
      await stage.store.release(failing.key, { owner: 'one', spent: 'no', failures: failures(now) })
      const due = async (at: number, limit: number): Promise<string[]> => {
        const answer = await stage.store.due({ before: at, limit })
        return answer.records.filter(({ key }) => key.client === stage.client).map(({ key }) => key.subject)
      }
      same(await due(before, 10_000), ['first', 'second', 'third', 'exactly'], 'the due grants')
      same((await due(before, 2)).length <= 2, true, 'the number of due grants at a limit of 2')
      same(await due(9, 10_000), [], 'the due grants before any is due')
      const later = await due(now + 10_000_000, 10_000)
      same(
        later.toSorted(),
        ['backing off', 'exactly', 'first', 'leased', 'not yet', 'second', 'third'],
        'the grants due later',
      )
      for (const { key, id, schema } of await stage.list({ client: stage.client })) {
        if (schema === RECORD_SCHEMA) await stage.store.delete(key, { id })
      }
    },
  ],
  [
    'reserved due grants are returned once until the reservation ends or they are written',
    async (stage) => {
      for (const subject of ['a', 'b', 'c']) await stage.login({ refreshAfter: 1 }, stage.key(subject))
      const due = async (at: number, reserveMs?: number): Promise<string[]> => {
        const answer = await stage.store.due({ before: at, limit: 10_000, reserveMs })
        return answer.records.filter(({ key }) => key.client === stage.client).map(({ key }) => key.subject)
      }
      const both = await Promise.all([due(1000, 5000), due(1000, 5000)])
      same(both.flat().toSorted(), ['a', 'b', 'c'], 'the due grants that two askers got together')
      same(await due(1000), [], 'the due grants while they are reserved')
      same(await due(5999, 5000), [], 'the due grants right before the reservation ends')
      await stage.login({ refreshAfter: 2 }, stage.key('b'))
      same(await due(1000), ['b'], 'the due grants after one was written')
      same((await due(6000)).toSorted(), ['a', 'b', 'c'], 'the due grants after the reservation')
      for (const record of await stage.list({ client: stage.client })) {
        await stage.store.delete(record.key, { id: record.id })
      }
    },
  ],
  [
    'closing twice is harmless',
    async (stage) => {
      await stage.store.close()
      await stage.store.close()
    },
  ],
]

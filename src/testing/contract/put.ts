import { RECORD_SCHEMA } from '../../stores/store.ts'
import { type Case, check, failures, LONG_MS, newGrant, newId, present, same } from './stage.ts'

/** Texts that mean something to some database, and pairs that some would confuse. */
const AWKWARD = [
  '',
  ':',
  '{',
  '}',
  '*',
  '?',
  '%',
  '_',
  '\0',
  'a\0',
  'a\0b',
  '😀',
  'é',
  'e\u0301',
  '"',
  "'",
  '\\',
  '\n',
  '[',
  ',',
  '","',
]

export const putCases: readonly Case[] = [
  [
    'an unknown key reads as nothing, with the time of the store',
    async (stage) => {
      const answer = await stage.store.read(stage.key('nobody'))
      same(answer.record, undefined, 'the record of an unknown key')
      check(Number.isFinite(answer.now), 'Expected read() to return the time of the store as `now`.')
    },
  ],
  [
    'a login reads back as it was put',
    async (stage) => {
      const grant = newGrant({
        reason: 'no_refresh_token',
        state: 'reauthorization_required',
        expiresAt: 2_000_000_000_001,
        refreshAfter: 2_000_000_000_002,
        refreshTokenExpiresAt: 2_000_000_000_003,
        lastRefreshedAt: 2_000_000_000_004,
        scope: ['email', 'https://example.com/😀'],
        renewable: false,
      })
      const answer = await stage.store.put(stage.key(), grant)
      same(answer.committed, true, '`committed` of a login')
      const { createdAt, updatedAt, ...rest } = await stage.read()
      same(rest, { key: stage.key(), version: 1, ...grant }, 'the record of a login')
      same([createdAt, updatedAt], [answer.now, answer.now], 'createdAt and updatedAt of a login')
      same(answer.record, await stage.read(), 'the record that put() returns')
    },
  ],
  [
    'a member that a login leaves out stays absent, and an empty scope is kept',
    async (stage) => {
      const grant = newGrant({ scope: [] })
      await stage.store.put(stage.key(), grant)
      const { createdAt: _created, updatedAt: _updated, ...rest } = await stage.read()
      same(rest, { key: stage.key(), version: 1, ...grant }, 'the record of a login with few members')
    },
  ],
  [
    'a sealed token of 200,000 characters reads back as it was put',
    async (stage) => {
      const sealed = newId().repeat(200_000 / 32)
      await stage.login({ sealed })
      check((await stage.read()).sealed === sealed, 'Expected a long sealed token to read back unchanged.')
    },
  ],
  [
    'the store keeps a copy, so that later changes to a given object have no effect',
    async (stage) => {
      const scope = ['email']
      const key = { ...stage.key() }
      await stage.store.put(key, newGrant({ scope }))
      scope.push('admin')
      key.subject = 'somebody else'
      same((await stage.read()).scope, ['email'], 'the scope in the store')
      same((await stage.read()).key, stage.key(), 'the key in the store')
    },
  ],
  [
    'keys with any characters are all different',
    async (stage) => {
      const { client } = stage
      const keys = [
        ...AWKWARD.flatMap((text) => [stage.key(text), stage.key('subject', text), stage.key(`${text}:`, text)]),
        ...AWKWARD.map((text) => ({ ...stage.key('of a client'), client: `${client}${text}` })),
        stage.key('a:b', 'c'),
        stage.key('a', 'b:c'),
        stage.key('a'),
        stage.key('A'),
        stage.key('a '),
        stage.key(' a'),
      ]
      const different = new Map(keys.map((key) => [JSON.stringify(Object.values(key)), key]))
      for (const [text, key] of different) await stage.store.put(key, newGrant({ sealed: text }))
      for (const [text, key] of different) {
        const record = await stage.read(key)
        same(record.sealed, text, `what is stored under ${text}`)
        same(record.key, key, 'the key of its record')
      }
      const own = [...different.values()].filter((key) => key.client === client)
      same((await stage.list({ client })).length, own.length, 'the number of grants listed')
      for (const key of different.values()) await stage.store.delete(key, { id: (await stage.read(key)).id })
    },
  ],
  [
    'a new login replaces the old one, increments the version and removes lease, intent and failures',
    async (stage) => {
      const first = await stage.login({ scope: ['email'], expiresAt: 5 })
      await stage.claimed(first, 'one')
      await stage.store.release(first.key, { owner: 'one', spent: 'unknown', failures: failures(0, { notBefore: 0 }) })
      await stage.claimed(first, 'two', { repeatWithinMs: LONG_MS })
      const grant = newGrant({ issuer: 'https://other.example', clientId: 'other' })
      const answer = await stage.store.put(stage.key(), grant)
      const { createdAt: _created, updatedAt: _updated, ...rest } = await stage.read()
      same(rest, { key: stage.key(), version: 2, ...grant }, 'the record after another login')
      same([answer.committed, answer.record?.version], [true, 2], 'the result of another login')
    },
  ],
  [
    'a repeated put changes nothing and returns what the first one did',
    async (stage) => {
      const grant = newGrant()
      await stage.store.put(stage.key(), grant)
      same((await stage.store.put(stage.key(), grant)).committed, true, '`committed` of a repeated put')
      same((await stage.read()).version, 1, 'the version after a repeated put')
      const { record } = await stage.commit(await stage.read(), { sealed: 'refreshed' })
      const late = await stage.store.put(stage.key(), grant)
      same(late.record, present(record, 'the committed record'), 'the result of a put that is repeated after a refresh')
      same(await stage.read(), record, 'the record after a put that is repeated after a refresh')
    },
  ],
  [
    'many concurrent logins are all applied, one after another',
    async (stage) => {
      const grants = Array.from({ length: 8 }, () => newGrant())
      const answers = await Promise.all(grants.map((grant) => stage.store.put(stage.key(), grant)))
      const versions = answers.map((answer) => answer.record?.version ?? 0).sort((a, b) => a - b)
      same(versions, [1, 2, 3, 4, 5, 6, 7, 8], 'the versions of eight concurrent logins')
      const last = answers.find((answer) => answer.record?.version === 8)
      same((await stage.read()).id, last?.record?.id, 'the login that stays')
    },
  ],
  [
    'a put is applied only over the grant and version that it expects, or over none if it expects none',
    async (stage) => {
      const expectNothing = { id: undefined }
      const first = newGrant()
      same((await stage.store.put(stage.key(), first, expectNothing)).committed, true, 'a put without a grant')
      const second = newGrant()
      const refusals = [expectNothing, { id: second.id, version: 1 }, { id: first.id, version: 2 }]
      for (const expect of refusals) {
        const answer = await stage.store.put(stage.key(), second, expect)
        same([answer.committed, answer.record?.id], [false, first.id], `a put that expects ${JSON.stringify(expect)}`)
      }
      const applied = await stage.store.put(stage.key(), second, { id: first.id, version: 1 })
      same([applied.committed, (await stage.read()).id], [true, second.id], 'a put that expects what is there')
      const repeated = await stage.store.put(stage.key(), second, { id: first.id, version: 1 })
      same([repeated.committed, repeated.record?.version], [true, 2], 'its repeat')
      const nowhere = await stage.store.put(stage.key('nobody'), newGrant(), { id: first.id, version: 1 })
      same([nowhere.committed, nowhere.record], [false, undefined], 'a put that expects a grant that is not there')
    },
  ],
  [
    'a late repeat of a put does not restore a deleted login',
    async (stage) => {
      const grant = newGrant()
      await stage.store.put(stage.key(), grant)
      await stage.store.delete(stage.key(), { id: grant.id })
      const late = await stage.store.put(stage.key(), grant)
      same([late.committed, late.record], [false, undefined], 'the result of a put of a deleted login')
      const next = await stage.login()
      await stage.store.put(stage.key(), grant)
      same((await stage.read()).id, next.id, 'the login that stays')
    },
  ],
  [
    'a late repeat of a put does not restore a replaced login',
    async (stage) => {
      const grant = newGrant()
      await stage.store.put(stage.key(), grant)
      const next = await stage.login()
      const late = await stage.store.put(stage.key(), grant)
      same([late.committed, late.record?.id], [false, next.id], 'the result of a put of a replaced login')
      same((await stage.read()).id, next.id, 'the login that stays')
    },
  ],
  [
    'a record of a newer schema reads back unchanged',
    async (stage) => {
      await stage.login({ schema: RECORD_SCHEMA + 1 })
      same((await stage.read()).schema, RECORD_SCHEMA + 1, 'the schema of a record')
      await stage.commit(await stage.read())
      same((await stage.read()).schema, RECORD_SCHEMA + 1, 'its schema after a commit without one')
    },
  ],
]

import { expect, test } from 'vitest'
import { CallbackError, ConfigError, Grants, type PendingLogin } from '../../../src/index.ts'
import { rejection, stage } from '../setup.ts'

const without = ({ state: _state, ...others }: PendingLogin) => others

test.each<[what: string, spoil: (pending: PendingLogin) => object, callback: string]>([
  ['empty on both sides', (pending) => ({ ...pending, state: '' }), '?code=abc&state='],
  ['empty in what was kept, absent in the callback', (pending) => ({ ...pending, state: '' }), '?code=abc'],
  ['empty in what was kept, some other in the callback', (pending) => ({ ...pending, state: '' }), '?code=abc&state=x'],
  ['lost from what was kept', without, '?code=abc'],
  ['lost from what was kept, “undefined” in the callback', without, '?code=abc&state=undefined'],
  ['null in what was kept', (pending) => ({ ...pending, state: null }), '?code=abc&state=null'],
  ['a list in what was kept', (pending) => ({ ...pending, state: [pending.state] }), '?code=abc&state=own'],
  ['absent in the callback', (pending) => pending, '?code=abc'],
  ['empty in the callback', (pending) => pending, '?code=abc&state='],
  ['a part of it in the callback', (pending) => ({ ...pending, state: `${pending.state}x` }), '?code=abc&state=own'],
])('a login without state (%s) is refused, and no code is sent', async (_what, spoil, callback) => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  const begun = await grants.connect('acme', 'ann')
  const pending = spoil(begun) as PendingLogin
  const query = `${callback.replace('own', begun.state)}&iss=https://provider.example`
  for (const attempt of [
    () => client.exchangeCode(query, pending),
    () => grants.complete(`https://app.example/callback${query}`, pending, { subject: 'ann' }),
  ]) {
    const error = await rejection(attempt())
    expect(error).toBeInstanceOf(CallbackError)
    expect(error).toMatchObject({ code: 'state_mismatch' })
  }
  expect(scripted.requests).toEqual([])
  await grants.close()
})

test('a callback with two states is refused, also when one is right', async () => {
  const { client, scripted } = stage()
  const pending = await client.authorizationRequest()
  for (const query of [`state=${pending.state}&state=x`, `state=x&state=${pending.state}`]) {
    const error = await rejection(client.exchangeCode(`?code=abc&${query}`, pending))
    expect(error).toMatchObject({ code: 'duplicate_parameter' })
  }
  expect(scripted.requests).toEqual([])
})

test('a login cannot begin without state: the library makes a new one each time', async () => {
  const { client } = stage()
  await expect(client.authorizationRequest({ params: { state: '' } })).rejects.toBeInstanceOf(ConfigError)
  await expect(client.authorizationRequest({ params: { state: 'fixed' } })).rejects.toBeInstanceOf(ConfigError)
  const all = await Promise.all(Array.from({ length: 20 }, () => client.authorizationRequest()))
  expect(new Set(all.map(({ state }) => state)).size).toBe(20)
  for (const { state } of all) expect(state).toMatch(/^[\w-]{22,}$/)
})

test('a login of one user can’t be finished by another', async () => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  const [ann, bob] = [await grants.connect('acme', 'ann'), await grants.connect('acme', 'bob')]
  const callback = scripted.login(ann.url)
  expect(await rejection(grants.complete(callback, bob, { subject: 'bob' }))).toMatchObject({ code: 'state_mismatch' })
  expect(await rejection(grants.complete(callback, ann, { subject: 'bob' }))).toMatchObject({ code: 'wrong_subject' })
  expect(scripted.requests).toEqual([])
  expect(await grants.status('acme', 'bob')).toBeUndefined()
  await grants.close()
})

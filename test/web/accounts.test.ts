import { expect, test } from 'vitest'
import type { ConnectedLogin } from '../../src/web/index.ts'
import { codeOf, location, world } from './setup.ts'

test('the identity decides which account a login is', async () => {
  const { browser, grants, handler } = world()
  const alice = browser(handler({ account: ({ sub }) => sub }), 'alice')
  location(await alice.callback(await alice.login()))
  expect(await grants.status('acme', 'alice', { account: 'scripted user' })).toMatchObject({ state: 'active' })
  expect(await grants.status('acme', 'alice')).toBeUndefined()
})

test('an account that is connected again is hinted at, and another one that comes back is stored as what it is', async () => {
  const { browser, grants, handler } = world()
  const seen: ConnectedLogin<undefined>[] = []
  const alice = browser(handler({ account: ({ sub }) => sub, connected: (login) => void seen.push(login) }), 'alice')
  await grants.save('acme', 'alice', { access_token: 'at', refresh_token: 'rt' }, { account: 'other' })
  const start = new URL(location(await alice.open('/connect/acme?account=other')))
  expect(start.searchParams.get('login_hint')).toBe('other')
  location(await alice.callback(await alice.login('/connect/acme?account=other')))
  expect(seen.map(({ account }) => account)).toEqual(['scripted user'])
  expect(await grants.status('acme', 'alice', { account: 'other' })).toBeDefined()
})

test('without that function, the address names the account', async () => {
  const { browser, grants, handler } = world()
  const connect = handler()
  const alice = browser(connect, 'alice')
  const { response } = await connect.session(alice.request('/'), 'acme', { account: 'work' })
  location(await alice.callback(await alice.login(location(response!))))
  expect((await connect.session(alice.request('/'), 'acme', { account: 'work' })).session).toBeDefined()
  expect(await grants.status('acme', 'alice', { account: 'work' })).toBeDefined()
})

test('an account that no store could keep is refused', async () => {
  const { browser, handler } = world()
  const response = await browser(handler(), 'alice').open(`/connect/acme?account=${'x'.repeat(1000)}`)
  expect([response.status, await codeOf(response)]).toEqual([404, 'not_found'])
})

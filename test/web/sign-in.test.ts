import { expect, test } from 'vitest'
import { StoreError } from '../../src/model/errors.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import type { SignInRequest } from '../../src/web/index.ts'
import { codeOf, linksOf, location, world, type Options } from './setup.ts'
import { wrapStore } from '../refresh/setup.ts'

/** Sets the application's session, as its users do. */
const signIn: NonNullable<Options['signIn']> = ({ headers, identity }) => {
  headers.append('set-cookie', `user=${identity.sub.replace(' ', '-')}; Path=/`)
  return identity.sub.replace(' ', '-')
}

test('a login with the provider sets the session and stores the grant of its user', async () => {
  const { browser, grants, handler } = world()
  const seen: SignInRequest<undefined>[] = []
  const connect = handler({ signIn: (login) => (seen.push(login), signIn(login)) })
  const nobody = browser(connect)
  expect(location(await nobody.callback(await nobody.login('/connect/acme?return_to=/home')))).toBe('/home')
  expect(nobody.cookies.get('user')?.value).toBe('scripted-user')
  expect(seen).toMatchObject([
    { client: 'acme', current: undefined, identity: { issuer: 'https://provider.example', sub: 'scripted user' } },
  ])
  expect(await grants.status('acme', 'scripted-user')).toMatchObject({ state: 'active' })
  expect((await connect.session(nobody.request('/home'), 'acme')).session).toBeDefined()
})

test('with a session of SameSite=Strict, a page leads on: a redirect from the provider would come without it', async () => {
  const { browser, handler } = world()
  const strict = ({ headers, identity }: SignInRequest<undefined>): string => {
    headers.append('set-cookie', 'user=bob; Path=/; SameSite=Strict')
    return identity.sub
  }
  const nobody = browser(handler({ signIn: strict }))
  const response = await nobody.callback(await nobody.login('/connect/acme?return_to=/next'))
  expect([response.status, await codeOf(response)]).toEqual([200, 'finish'])
  expect(await response.text()).toContain('content="0;url=/next"')
  expect(nobody.cookies.get('user')?.value).toBe('bob')
})

test('a user who is logged in connects without it', async () => {
  const { browser, grants, handler } = world()
  const alice = browser(handler({ signIn: () => expect.unreachable() }), 'alice')
  location(await alice.callback(await alice.login()))
  expect(await grants.status('acme', 'alice')).toBeDefined()
})

test('both responses of a double click set the session', async () => {
  const { browser, handler, provider } = world()
  const nobody = browser(handler({ signIn }))
  const url = await nobody.login()
  const both = await Promise.all([nobody.callback(url), nobody.callback(url)])
  for (const response of both) {
    expect(location(response)).toBe('/')
    expect(response.headers.getSetCookie().some((each) => each.startsWith('user='))).toBe(true)
  }
  expect(provider.tokenRequests).toHaveLength(1)
})

test('a forwarded callback logs no one in', async () => {
  const { browser, handler, provider } = world()
  const connect = handler({ signIn })
  const mallory = browser(connect)
  const victim = browser(connect)
  const response = await victim.callback(await mallory.login())
  expect([response.status, await codeOf(response)]).toEqual([400, 'state_mismatch'])
  expect(victim.cookies.size).toBe(0)
  expect(provider.tokenRequests).toHaveLength(0)
})

test('a user who is not welcome is refused: nothing is stored, and nothing is revoked', async () => {
  const { browser, grants, handler, provider } = world()
  const nobody = browser(handler({ signIn: () => undefined }))
  const url = await nobody.login()
  for (let time = 0; time < 2; time += 1) {
    const response = await nobody.callback(url)
    expect([response.status, await codeOf(response)]).toEqual([403, 'refused'])
    expect(response.headers.getSetCookie()).toEqual([])
  }
  expect(await grants.counts()).toEqual([])
  expect(provider.requests.map(({ endpoint }) => endpoint)).toEqual(['token', 'userinfo'])
})

test('an error of the application goes on to its framework, without a cookie, and the login may be repeated', async () => {
  const { browser, handler, provider } = world()
  let fails = true
  const nobody = browser(
    handler({
      signIn: (login) => {
        const user = signIn(login)
        if (fails) throw new Error('database down')
        return user
      },
    }),
  )
  const url = await nobody.login()
  await expect(nobody.callback(url)).rejects.toThrow('database down')
  expect(nobody.cookies.has('user')).toBe(false)
  fails = false
  location(await nobody.callback(url))
  expect(nobody.cookies.has('user')).toBe(true)
  expect(provider.tokenRequests).toHaveLength(1)
})

test('an error of the library from the application’s function is the application’s too', async () => {
  const { browser, handler } = world()
  const error = new StoreError('The users are down.')
  const nobody = browser(handler({ signIn: () => Promise.reject(error) }))
  await expect(nobody.callback(await nobody.login())).rejects.toBe(error)
  const alice = browser(handler({ connected: () => Promise.reject(error) }), 'alice')
  await expect(alice.callback(await alice.login())).rejects.toBe(error)
})

test('a double click at another process begins again', async () => {
  const { browser, clock, handler, process, provider } = world({
    grants: { keys: keyRing(`k:${generateKey()}`) },
    store: (memory) => ({ ...wrapStore(memory), documents: undefined }),
  })
  const here = browser(handler({ signIn }))
  const there = browser(handler({ signIn }, process()))
  const url = await here.login('/connect/acme?return_to=/next')
  for (const [name, cookie] of here.cookies) there.cookies.set(name, cookie)
  location(await here.callback(url))
  const second = there.callback(url)
  await clock.advance(11_000)
  expect(await codeOf(await second)).toBe('already_used')
  expect((await linksOf(await second))['Connect Acme']).toBe('/connect/acme?return_to=%2Fnext')
  expect(provider.tokenRequests).toHaveLength(1)
})

test('signIn must return a user id', async () => {
  const { browser, handler } = world()
  const nobody = browser(handler({ signIn: () => 42 as unknown as string }))
  await expect(nobody.callback(await nobody.login())).rejects.toThrow(
    'Expected signIn of connectHandler() to return a user id',
  )
})

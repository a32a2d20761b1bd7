import { expect, test } from 'vitest'
import { codeOf, location, world } from './setup.ts'

interface Post {
  readonly message: { readonly evergrant: object }
  readonly origins: readonly string[]
}

async function postOf(response: Response): Promise<Post> {
  const [, post = ''] = /data-post="([^"]*)"/.exec(await response.text()) ?? []
  return JSON.parse(post.replaceAll('&quot;', '"')) as Post
}

test('the last page of a window reports success, and does so again at a reload', async () => {
  const { browser, handler } = world()
  const alice = browser(handler({ account: ({ sub }) => sub }), 'alice')
  const url = await alice.login('/connect/acme?popup=page7&origin=https://app.example')
  for (let time = 0; time < 2; time += 1) {
    const response = await alice.callback(url)
    expect([response.status, await codeOf(response)]).toEqual([200, 'connected'])
    expect(await postOf(response)).toEqual({
      message: { evergrant: { ok: true, client: 'acme', account: 'scripted user', popup: 'page7' } },
      origins: ['https://app.example'],
    })
  }
})

test('it reports that the user declined', async () => {
  const { browser, handler } = world()
  const alice = browser(handler(), 'alice')
  const url = new URL(await alice.login('/connect/acme?popup=1'))
  url.searchParams.set('error', 'access_denied')
  const response = await alice.callback(url.href)
  expect([response.status, await codeOf(response)]).toEqual([403, 'access_denied'])
  expect((await postOf(response)).message).toEqual({
    evergrant: { ok: false, client: 'acme', code: 'access_denied', popup: '1' },
  })
})

test('only allowed origins hear of it', async () => {
  const { browser, handler } = world()
  const alice = browser(handler({ popupOrigins: ['https://shop.example'] }), 'alice')
  const origins: (readonly string[])[] = []
  for (const origin of ['https://shop.example', 'https://evil.example', '*']) {
    const path = `/connect/acme?go=1&popup=1&origin=${encodeURIComponent(origin)}`
    origins.push((await postOf(await alice.callback(await alice.login(path)))).origins)
  }
  expect(origins).toEqual([['https://shop.example'], ['https://app.example'], ['https://app.example']])
})

test('a window keeps its parameters on the way through the login page', async () => {
  const { browser, handler } = world()
  const response = await browser(handler({ logIn: '/login' })).open('/connect/acme?popup=p1')
  expect(location(response)).toBe('/login?return_to=%2Fconnect%2Facme%3Fpopup%3Dp1')
})

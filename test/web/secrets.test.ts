import { expect, test } from 'vitest'
import { Grants } from '../../src/grants.ts'
import { connectHandler } from '../../src/web/index.ts'
import { location, PROGRAM, world } from './setup.ts'

test('no page, JSON, cookie or log line has a secret of a login', async () => {
  const { browser, grants, handler, logs, provider } = world()
  const alice = browser(handler(), 'alice')
  const secrets: string[] = ['client-secret']
  const texts: string[] = []
  const keep = async (response: Response): Promise<void> => {
    texts.push(await response.text(), response.headers.getSetCookie().join())
  }
  for (const answer of [undefined, { status: 503 }, { status: 400, body: { error: 'invalid_grant' } }] as const) {
    if (answer !== undefined) provider.script(answer)
    const start = await alice.open('/connect/acme?go=1')
    const url = new URL(provider.login(location(start)))
    await keep(start)
    await keep(await alice.callback(url.href))
    await keep(await alice.callback(url.href, { headers: PROGRAM }))
    const denied = new URL(url)
    denied.searchParams.set('error', 'invalid_request')
    denied.searchParams.set('error_description', `${url.searchParams.get('state')} is bad`)
    await keep(await alice.callback(denied.href))
    const verifier = provider.tokenRequests.at(-1)?.params.get('code_verifier')
    secrets.push(url.searchParams.get('code')!, url.searchParams.get('state')!, verifier!)
  }
  await keep(await alice.open('/connect', { headers: PROGRAM }))
  await keep(await alice.open('/connect'))
  secrets.push(await grants.session('acme', 'alice').accessToken())
  texts.push(JSON.stringify(logs))
  expect(logs.length).toBeGreaterThan(2)
  expect(secrets.every((secret) => secret.length > 8)).toBe(true)
  expect(secrets.filter((secret) => texts.some((text) => text.includes(secret)))).toEqual([])
})

test('a build that only loads the handler needs no keys', async () => {
  const { client, store } = world()
  const keys = (): never => {
    throw new Error('no keys in a build')
  }
  const grants = new Grants({ clients: { acme: client }, store, keys })
  const connect = connectHandler(grants, { subject: () => 'alice' })
  expect(connect.url('acme')).toBe('/connect/acme')
  const headers = { accept: 'text/html' }
  await expect(connect(new Request('https://app.example/connect/acme', { headers }))).rejects.toThrow('no keys')
})

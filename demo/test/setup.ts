import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { DevelopmentProvider } from '@evergrant/provider'
import { startDemo, type Demo, type DemoOptions } from '../src/start-demo.ts'
import type { Settings } from '../src/settings.ts'
import { Browser, type LoadedPage } from './browser.ts'

/** A folder that ends with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'evergrant-demo-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

export function settingsOf(changes: Partial<Settings> = {}): Settings {
  const store = changes.store ?? { kind: 'sqlite', file: join(temporaryFolder(), 'demo.db') }
  return {
    host: '127.0.0.1',
    port: 0,
    providerPort: 0,
    store,
    secretsFile: store.kind === 'sqlite' ? `${store.file}.secrets.json` : undefined,
    keys: undefined,
    cookiePassword: undefined,
    upstream: { kind: 'embedded' },
    log: false,
    ...changes,
  }
}

export interface TestDemo extends Demo {
  readonly provider: DevelopmentProvider
  /** What went wrong inside. */
  readonly errors: Error[]
  at(path: string): string
}

/** Starts a demo with its provider; both end with the test. */
export async function demoWith(
  changes: Partial<Settings> = {},
  options: Omit<DemoOptions, 'settings'> = {},
): Promise<TestDemo> {
  const errors: Error[] = []
  const demo = await startDemo({ settings: settingsOf(changes), onError: (error) => errors.push(error), ...options })
  onTestFinished(() => demo.close())
  const provider = demo.upstream.embedded?.provider as DevelopmentProvider
  return { ...demo, provider, errors, at: (path) => new URL(path, demo.url).href }
}

/** Goes through whatever pages the provider shows, as `user`, until the demo is reached. */
export async function logIn(
  demo: Pick<TestDemo, 'url'>,
  { browser = new Browser(), user = 'alice', path = '/' }: { browser?: Browser; user?: string; path?: string } = {},
): Promise<{ browser: Browser; page: LoadedPage; titles: string[] }> {
  const titles: string[] = []
  let page = await browser.open(new URL(path, demo.url).href)
  while (!page.url.startsWith(demo.url)) {
    const title = titleOf(page)
    titles.push(title)
    page = await browser.submit(page, answersTo(title, user))
  }
  return { browser, page, titles }
}

/** Goes through the provider's pages and stops before the demo's callback is loaded. */
export async function finishAtProvider(
  demo: Pick<TestDemo, 'url'>,
  { browser = new Browser(), user = 'alice' }: { browser?: Browser; user?: string } = {},
): Promise<{ browser: Browser; callback: string }> {
  const callbackUrl = new URL('/callback', demo.url).href
  browser.stopAt = callbackUrl
  const { page } = await logIn(demo, { browser, user })
  browser.stopAt = undefined
  return { browser, callback: page.url }
}

const passwords: Readonly<Record<string, string>> = { alice: 'wonderland', bob: 'builder' }

function answersTo(title: string, user: string): Record<string, string> {
  if (title === 'Allow access') return { decision: 'allow' }
  return title === 'Choose an account' ? { account: user } : { username: user, password: passwords[user] ?? '' }
}

export function titleOf(page: LoadedPage): string {
  return /<title>(.*?) · /.exec(page.text)?.[1] ?? page.text
}

/** Asks as a program: the JSON of an answer. */
export async function json(
  browser: Browser,
  url: string,
  init: RequestInit = {},
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const answer = await browser.send(url, {
    ...init,
    headers: { accept: 'application/json', ...(init.headers as object) },
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown>, headers: answer.headers }
}

/** A port on which nobody listens at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

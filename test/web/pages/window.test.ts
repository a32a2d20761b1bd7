import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { CONNECT_SCRIPT, closingPage, type WindowMessage } from '../../../src/web/pages/window.ts'
import { attributes, elements, expectOwnPolicy, look, pageWith } from './setup.ts'

type Listener = (event: unknown) => unknown
type Connect = (client: string, options?: object) => Promise<unknown>

/** A window that has as much of the browser as the script uses. */
function fakeWindow({ blocked = false } = {}) {
  const listeners = new Map<string, Set<Listener>>()
  const channels = new Set<{ onmessage?: Listener }>()
  const opened: { url: URL; name: string; closed: boolean; focus: () => void }[] = []
  let tick = (): void => {}
  let now = 0
  const exported: { connect?: Connect } = {}
  const emit = async (type: string, event: unknown): Promise<void> => {
    await Promise.all([...(listeners.get(type) ?? [])].map((listener) => listener(event)))
  }
  const globals = {
    URL,
    CustomEvent,
    exported,
    Date: { now: () => now },
    location: { origin: 'https://app.example' },
    document: new EventTarget(),
    addEventListener: (type: string, listener: Listener) =>
      listeners.set(type, (listeners.get(type) ?? new Set()).add(listener)),
    removeEventListener: (type: string, listener: Listener) => listeners.get(type)?.delete(listener),
    setInterval: (work: () => void) => void (tick = work),
    clearInterval: () => (tick = () => {}),
    BroadcastChannel: class {
      onmessage?: Listener
      constructor() {
        channels.add(this)
      }
      close(): void {
        channels.delete(this)
      }
    },
    open: (url: URL, name: string) => {
      if (blocked) return null
      opened.push({ url, name, closed: false, focus: () => {} })
      return opened.at(-1)
    },
  }
  const module = CONNECT_SCRIPT.replaceAll('import.meta.url', "'https://app.example/connect/connect.js?v=1'")
  runInNewContext(`${module.replace('export ', '')}\nexported.connect = connect`, globals)
  return {
    opened,
    channels,
    connect: exported.connect!,
    document: globals.document,
    click: (event: object) => emit('click', event),
    post: (message: unknown, origin = 'https://app.example') =>
      emit('message', { origin, data: { evergrant: message } }),
    broadcast: (message: unknown) => {
      for (const channel of channels) channel.onmessage?.({ data: { evergrant: message } })
    },
    pass: (ms: number) => {
      now += ms
      tick()
    },
    listening: () => (listeners.get('message')?.size ?? 0) + channels.size,
  }
}

const ended: WindowMessage = { ok: true, client: 'google', account: 'a' }
/** Whether a promise is still open after all that is due. */
const isOpen = async (promise: Promise<unknown>): Promise<boolean> =>
  (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, 'open'))])) === 'open'

test('connect() opens the start in a window and resolves with the posted message', async () => {
  const window = fakeWindow()
  const result = window.connect('google', { scope: ['a', 'b'], account: undefined })
  const { name, url } = window.opened[0]!
  expect(url.origin + url.pathname).toBe('https://app.example/connect/google')
  const popup = url.searchParams.get('popup')!
  expect(popup).toMatch(/^[a-z0-9]+$/)
  expect(Object.fromEntries(url.searchParams)).toEqual({ popup, scope: 'a b', origin: 'https://app.example' })
  expect(name).toBe('evergrant-google')
  await window.post({ ...ended, popup })
  expect(await result).toEqual(ended)
  expect(window.listening()).toBe(0)
})

test('connect() resolves with a failure that came by the channel', async () => {
  const window = fakeWindow()
  const result = window.connect('google')
  window.broadcast({ ok: false, client: 'google', code: 'access_denied' })
  expect(await result).toEqual({ ok: false, client: 'google', code: 'access_denied' })
})

test('messages of other origins, clients and pages are ignored', async () => {
  const window = fakeWindow()
  const result = window.connect('google')
  await window.post(ended, 'https://evil.example')
  await window.post({ ...ended, client: 'github' })
  await window.post({ ...ended, popup: 'another' })
  await window.post(undefined)
  window.broadcast({ ...ended, popup: 'another' })
  expect(await isOpen(result)).toBe(true)
  await window.post(ended)
  expect(await result).toEqual(ended)
})

test('a window that looks closed is believed to be closed after five minutes', async () => {
  const window = fakeWindow()
  const result = window.connect('google')
  window.opened[0]!.closed = true
  window.pass(1000)
  window.pass(299_000)
  expect(await isOpen(result)).toBe(true)
  window.pass(2000)
  expect(await result).toEqual({ ok: false, client: 'google', code: 'closed' })
})

test('a second attempt takes the place of a closed window, and both callers get its result', async () => {
  const window = fakeWindow()
  const first = window.connect('google')
  window.opened[0]!.closed = true
  window.pass(1000)
  const second = window.connect('google')
  window.pass(400_000)
  expect(await isOpen(first)).toBe(true)
  await window.post(ended)
  expect(await Promise.all([first, second])).toEqual([ended, ended])
})

test('without a window connect() resolves with the reason', async () => {
  expect(await fakeWindow({ blocked: true }).connect('google')).toEqual({
    ok: false,
    client: 'google',
    code: 'blocked',
  })
})

/** A click on something within a link of the page. */
function clickOn(changes: object = {}) {
  const link = Object.assign(new EventTarget(), {
    href: 'https://app.example/connect/google?scope=a',
    dataset: { evergrant: 'google' },
    isConnected: true,
  })
  const preventDefault = vi.fn()
  const heard = vi.fn((event: Event) => (event as CustomEvent).detail as unknown)
  link.addEventListener('evergrant', heard)
  const event = { composedPath: () => [{}, { dataset: {} }, link, {}], preventDefault, ...changes }
  return { event, heard, link, preventDefault }
}

test('a marked link opens a window, and the event comes from the link', async () => {
  const window = fakeWindow()
  const { event, heard, preventDefault } = clickOn()
  const clicked = window.click(event)
  expect(preventDefault).toHaveBeenCalledOnce()
  expect(window.opened[0]!.url.searchParams.get('scope')).toBe('a')
  await window.post(ended)
  await clicked
  expect(heard.mock.results.map(({ value }) => value as unknown)).toEqual([ended])
})

test('two clicks cause one event', async () => {
  const window = fakeWindow()
  const { event, heard } = clickOn()
  const clicks = [window.click(event), window.click(event)]
  await window.post(ended)
  await Promise.all(clicks)
  expect(heard).toHaveBeenCalledOnce()
})

test('the event of a link that was removed comes from the document', async () => {
  const window = fakeWindow()
  const { event, heard, link } = clickOn()
  const clicked = window.click(event)
  link.isConnected = false
  const atDocument = vi.fn()
  window.document.addEventListener('evergrant', atDocument)
  await window.post(ended)
  await clicked
  expect(atDocument).toHaveBeenCalledOnce()
  expect(heard).not.toHaveBeenCalled()
})

test('where the window is blocked, the link stays a link', async () => {
  const window = fakeWindow({ blocked: true })
  const { event, preventDefault } = clickOn()
  await window.click(event)
  expect(preventDefault).not.toHaveBeenCalled()
  expect(window.listening()).toBe(0)
})

test.each([{ ctrlKey: true }, { metaKey: true }, { shiftKey: true }, { button: 1 }, { defaultPrevented: true }])(
  'a click with %o is left to the browser',
  async (changes) => {
    const window = fakeWindow()
    await window.click(clickOn(changes).event)
    expect(window.opened).toEqual([])
  },
)

test('a link without the mark is left to the browser', async () => {
  const window = fakeWindow()
  const { event, link } = clickOn()
  link.dataset.evergrant = ''
  await window.click(event)
  expect(window.opened).toEqual([])
})

/** Runs the script of a closing page. */
function runClosing(html: string, opener: unknown) {
  const [post] = attributes(html, 'data-post')
  const broadcast = vi.fn()
  const close = vi.fn()
  runInNewContext(elements(html, 'script')[0]!, {
    document: { body: { dataset: { post } } },
    opener,
    close,
    BroadcastChannel: class {
      postMessage = broadcast
    },
  })
  return { broadcast, close }
}

test('the last page posts to the opener at each allowed origin, broadcasts and closes', async () => {
  const message = { ok: false, client: 'google', account: `</script><b a="'`, code: 'access_denied' }
  const page = await closingPage(message, ['https://app.example', 'https://other.example', '*'], look)
  expectOwnPolicy(page)
  expect(attributes(page.html, 'data-code')).toEqual(['access_denied'])
  const opener = { postMessage: vi.fn() }
  const { broadcast, close } = runClosing(page.html, opener)
  expect(opener.postMessage.mock.calls).toEqual([
    [{ evergrant: message }, 'https://app.example'],
    [{ evergrant: message }, 'https://other.example'],
  ])
  expect(broadcast.mock.calls).toEqual([[{ evergrant: message }]])
  expect(close).toHaveBeenCalledOnce()
})

test.each([
  ['cut off', null],
  ['gone', { postMessage: () => expect.fail('gone') }],
])('the last page broadcasts where its opener is %s', async (_, opener) => {
  const { html } = await closingPage(ended, ['https://app.example'], look)
  const { broadcast, close } = runClosing(html, opener)
  expect(broadcast.mock.calls).toEqual([[{ evergrant: ended }]])
  expect(close).toHaveBeenCalledOnce()
})

test('the last page has texts for a window that stays open', async () => {
  const connected = await closingPage(ended, [], look)
  expect(elements(connected.html, 'h1')).toEqual(['google is connected'])
  const failed = await closingPage({ ok: false, client: 'google', code: 'toString' }, [], look)
  expect(attributes(failed.html, 'data-code')).toEqual(['failed'])
  const own = await closingPage(ended, [], look, pageWith({ title: 'Fertig' }))
  expect(elements(own.html, 'h1')).toEqual(['Fertig'])
})

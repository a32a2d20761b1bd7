import { setTimeout as pause } from 'node:timers/promises'
import { Grants, isEvergrantError, OAuth2Client, type OAuth2Session } from 'evergrant'
import { keyRing } from 'evergrant/seal'
import { openStore } from '../store/open-store.ts'
import { fingerprintOf } from '../token-view.ts'
import type { WorkerNews, WorkerOrder } from './messages.ts'

/** One of the two processes: an application of its own that calls its API again and again. Nothing here knows of the other. */
async function work(order: WorkerOrder): Promise<void> {
  const { store } = await openStore(order.store)
  const client = new OAuth2Client({ ...order.client, fetch: watched(order.tokenUrl) })
  const grants = new Grants({
    clients: { [order.clientName]: client },
    store,
    keys: keyRing(order.keys),
    policy: order.policy,
  })
  grants.on('refreshed', ({ durationMs }) => tell({ kind: 'refreshed', durationMs }))
  grants.on('refresh_failed', ({ code }) => tell({ kind: 'failed', code }))
  const session = grants.session(order.clientName, order.subject)
  tell({ kind: 'ready' })
  for (;;) {
    tell(await call(session, order.resourceUrl))
    await pause(order.callEveryMs)
  }
}

async function call(session: OAuth2Session, url: string): Promise<WorkerNews> {
  try {
    const fingerprint = fingerprintOf(await session.accessToken())
    const response = await session.fetch(url)
    await response.body?.cancel()
    return { kind: 'called', ok: response.ok, result: String(response.status), fingerprint }
  } catch (error) {
    return { kind: 'called', ok: false, result: isEvergrantError(error) ? error.code : 'network_error' }
  }
}

/** Tells when a token request goes out and when its answer is there. */
function watched(tokenUrl: string): typeof fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    if (url !== tokenUrl) return fetch(input, init)
    tell({ kind: 'asking' })
    try {
      const response = await fetch(input, init)
      tell({ kind: 'answered', ok: response.ok })
      return response
    } catch (error) {
      tell({ kind: 'answered', ok: false })
      throw error
    }
  }
}

function tell(news: WorkerNews): void {
  // Between the parent's end and this one's there is nobody to tell.
  if (process.connected) process.send?.(news, () => undefined)
}

// Whatever becomes of the parent, nobody is left behind.
process.once('disconnect', () => process.exit(0))
// Ctrl+C reaches all processes of a terminal; when this one ends is for its parent to say.
process.on('SIGINT', () => undefined)
process.once('message', (order) => {
  work(order as WorkerOrder).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`, () => process.exit(1))
  })
})

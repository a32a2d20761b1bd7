import type { Backend } from '../../src/stores/backend.ts'
import { MapBackend } from './map-backend.ts'

/**
 * A backend that has no change feed, with one in memory. It has no `page`: a backend's page takes a reserved row to be due
 * later, and the memory store's does not.
 */
export function withFeed(backend: Backend, now: () => number): Backend {
  const memory = new MapBackend(now)
  return {
    ...(backend.guards === false && { guards: false }),
    read: (key) => backend.read(key),
    swap: async (key, from, to, write) => {
      const answer = await backend.swap(key, from, to, write)
      if (answer.swapped && write.change !== undefined) memory.feed.push(write.change)
      return answer
    },
    list: (filter) => backend.list(filter),
    due: (request) => backend.due(request),
    changes: (request) => memory.changes(request),
    close: () => backend.close(),
  }
}

import type { Backend } from '../../../src/stores/backend.ts'
import type { FullBackend } from '../full-backend.ts'
import type { Mistake, Mistakes } from './mistake.ts'

const due = (
  caseName: string,
  run: (backend: FullBackend, request: Parameters<Backend['due']>[0]) => ReturnType<Backend['due']>,
): Mistake => [caseName, (backend) => ({ due: (request) => run(backend, request) })]

/** Mistakes in due rows. */
export const dueMistakes: Mistakes = {
  'due rows in no order': due(
    'the due rows are those whose time has come, the longest due first',
    async (backend, request) => {
      const { rows, now } = await backend.due(request)
      return { rows: rows.toReversed(), now }
    },
  ),
  'due rows before their time only': due(
    'the due rows are those whose time has come, the longest due first',
    (backend, request) => backend.due({ ...request, before: request.before - 1 }),
  ),
  'due rows beyond the limit': due(
    'no further rows are due than the limit, and those are the longest due',
    (backend, request) => backend.due({ ...request, limit: 1_000_000 }),
  ),
  'due rows of every schema': due('a row of a newer schema is not due', (backend, request) =>
    backend.due({ ...request, schema: 99 }),
  ),
  'no reservations': due('a reserved row has one taker', (backend, request) =>
    backend.due({ ...request, reserveMs: undefined }),
  ),
  'reservations from now on': [
    'a reserved row has one taker',
    (backend, clock) => ({
      due: async (request) => {
        const answer = await backend.due({ ...request, reserveMs: undefined })
        if (request.reserveMs === undefined) return answer
        const dueAt = clock.now() + request.reserveMs
        for (const { key } of answer.rows) backend.rows.get(key)!.index = { ...backend.rows.get(key)!.index, dueAt }
        return answer
      },
    }),
  ],
  'reservations of rows that are not returned': due(
    'only rows that are returned are reserved',
    async (backend, request) => {
      const answer = await backend.due(request)
      if (request.reserveMs !== undefined) await backend.due({ ...request, before: request.before + 1000 })
      return answer
    },
  ),
  'a reservation that changes the revision': due(
    'a reservation changes no revision, and the row is listed as before',
    async (backend, request) => {
      const answer = await backend.due(request)
      for (const row of answer.rows)
        backend.rows.set(row.key, { ...backend.rows.get(row.key)!, revision: `${row.revision}x` })
      return answer
    },
  ),
  'a reservation that outlives a write': [
    'a write ends a reservation',
    (backend) => {
      const reserved = new Map<string, number>()
      return {
        due: async (request) => {
          const { rows, now } = await backend.due({ ...request, reserveMs: undefined })
          const free = rows.filter(({ key }) => (reserved.get(key) ?? 0) <= request.before)
          if (request.reserveMs !== undefined)
            for (const { key } of free) reserved.set(key, request.before + request.reserveMs)
          return { rows: free, now }
        },
      }
    },
  ],
}

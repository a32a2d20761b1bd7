import { OAuth2Session } from 'evergrant'
import { undiciTransport, withGrant } from 'evergrant/undici'
import { Agent } from 'undici'

import { undiciGet } from './bare.ts'
import { evergrantClient, evergrantRefresh } from './evergrant.ts'
import type { Library } from './library.ts'

/** A session behind undici's own interface. */
export const evergrantUndici = {
  request: async (server, grant) => {
    const session = new OAuth2Session(evergrantClient(server), { token: grant })
    return undiciGet(server.resource, { dispatcher: new Agent().compose(withGrant(session)) })
  },
} as const satisfies Library

/** `evergrantRefresh` with its token requests over undici. */
export function evergrantUndiciRefresh(file: string | undefined): Library {
  return evergrantRefresh(file, { transport: undiciTransport(new Agent()) })
}

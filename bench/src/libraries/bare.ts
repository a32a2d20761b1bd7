import type { request } from 'undici'

import type { Call } from '../harness/slots.ts'
import type { ServerPlace, Token } from '../server/protocol.ts'
import { at, type Library } from './library.ts'
import { endOf, naive, USUAL, type NewToken } from './naive.ts'

interface Answer {
  readonly access_token: string
  readonly refresh_token?: string
  readonly expires_in: number
}

/** No library at all: what every contestant is measured by. */
export const bareFetch: Library = {
  name: 'fetch',
  how: USUAL,
  calls: {
    request: 'fetch with the header (control)',
    token: 'an async function that returns a constant (control)',
    refresh: 'fetch (control)',
  },
  load: async () => ({
    ...naive((server) => ({
      refresh: async (token) => {
        const response = await fetch(server.tokenEndpoint, { method: 'POST', ...form(server, token) })
        return newToken(response.status, await response.json())
      },
    })),
    token: async (_server, { accessToken }) => {
      const constant = Object.freeze({ accessToken })
      return { kind: 'promise', call: async () => constant }
    },
  }),
}

/** The least that it takes to hand out no token after its end. */
export const bareClock: Library = {
  name: 'a look at the clock',
  calls: { token: 'the same with a reading of the clock (reference)' },
  load: async () => ({
    token: async (_server, { accessToken, expiresAt }) => {
      const constant = Object.freeze({ accessToken })
      const call = async (): Promise<typeof constant> => {
        if (Date.now() >= expiresAt) throw new Error('Expected a fresh token.')
        return constant
      }
      return { kind: 'promise', call }
    },
  }),
}

/** The same requests over undici's own interface. */
export const bareUndici: Library = {
  name: 'undici.request',
  calls: {
    request: 'undici.request with the header (control)',
    refresh: 'undici.request (no OAuth, for reference)',
  },
  load: async () => {
    const { Agent, request } = await import('undici')
    return {
      request: async ({ resource }, { accessToken }) =>
        undiciGet(resource, { dispatcher: new Agent(), headers: { authorization: `Bearer ${accessToken}` } }),
      refresh: async (server) => {
        const dispatcher = new Agent()
        return async (tokens) => async (index) => {
          const { body, headers } = form(server, at(tokens, index))
          const type = { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' }
          const options = {
            dispatcher,
            method: 'POST',
            headers: { ...headers, ...type },
            body: body.toString(),
          } as const
          const { body: answer, statusCode } = await request(server.tokenEndpoint, options)
          return newToken(statusCode, await answer.json())
        }
      },
    }
  },
}

/** A GET by undici's own interface; the body is read. */
export async function undiciGet(url: string, options: Parameters<typeof request>[1]): Promise<Call> {
  const { request } = await import('undici')
  return async () => {
    const { body, statusCode } = await request(url, options)
    if (statusCode !== 200) throw new Error(`status ${statusCode}`)
    await body.arrayBuffer()
  }
}

function form({ clientId, clientSecret }: ServerPlace, { refreshToken }: Token) {
  return {
    headers: { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }),
  }
}

function newToken(status: number, answer: unknown): NewToken {
  if (status !== 200) throw new Error(`status ${status}`)
  const { access_token, expires_in, refresh_token } = answer as Answer
  return { accessToken: access_token, refreshToken: refresh_token, expiresAt: endOf(expires_in) }
}

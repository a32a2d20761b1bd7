import { request as undiciRequest, Agent } from 'undici'

import type { Call } from '../harness/slots.ts'
import { grantAt, read, type Library } from './library.ts'
import type { ServerPlace } from '../rivals/rival.ts'
import type { Minted } from '../server/protocol.ts'

/** What every contestant is measured by: the same request with nothing but `fetch`. */
export const bareFetch = {
  request: async ({ resource }, { access_token }) => {
    const init = { headers: { authorization: `Bearer ${access_token}` } }
    return async () => read(await fetch(resource, init))
  },
  token: async (_server, { access_token }) => {
    const constant = Object.freeze({ accessToken: access_token })
    return { kind: 'promise', call: async () => constant }
  },
  refresh: async (server) => async (grants) => async (index) => {
    const response = await fetch(server.tokenEndpoint, { method: 'POST', ...form(server, grantAt(grants, index)) })
    check(response.status, await response.json())
  },
} as const satisfies Library

/** The least that an answer takes which is not handed out past its end. */
export const bareClock = {
  token: async (_server, { access_token, expires_at }) => {
    const constant = Object.freeze({ accessToken: access_token })
    const expiresAt = expires_at * 1000
    const call = async (): Promise<typeof constant> => {
      if (Date.now() >= expiresAt) throw new Error('Expected a fresh token.')
      return constant
    }
    return { kind: 'promise', call }
  },
} as const satisfies Library

/** The same requests over undici's own interface. */
export const bareUndici = {
  request: async ({ resource }, { access_token }) => {
    return undiciGet(resource, { dispatcher: new Agent(), headers: { authorization: `Bearer ${access_token}` } })
  },
  refresh: async (server) => {
    const dispatcher = new Agent()
    return async (grants) => async (index) => {
      const { body, headers } = form(server, grantAt(grants, index))
      const { body: answer, statusCode } = await undiciRequest(server.tokenEndpoint, {
        dispatcher,
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
        body: body.toString(),
      })
      check(statusCode, await answer.json())
    }
  },
} as const satisfies Library

/** A GET by undici's own interface; the answer's body is read. */
export function undiciGet(url: string, options: Parameters<typeof undiciRequest>[1]): Call {
  return async () => {
    const { body, statusCode } = await undiciRequest(url, options)
    if (statusCode !== 200) throw new Error(`Expected the API to answer 200, got ${statusCode}.`)
    await body.arrayBuffer()
  }
}

function form({ clientId, clientSecret }: ServerPlace, { refresh_token }: Minted) {
  return {
    headers: { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token }),
  }
}

function check(status: number, answer: unknown): void {
  if (status !== 200 || typeof (answer as { access_token?: unknown }).access_token !== 'string') {
    throw new Error(`Expected a new token, got status ${status}.`)
  }
}

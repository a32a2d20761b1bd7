import type { Minted, MintOrder } from './protocol.ts'

/** Asks the server for something that no contestant asks it for. `issuer` is its URL. */
export async function control(issuer: string, path: string, body: string): Promise<unknown> {
  const response = await fetch(`${issuer}${path}`, { method: 'POST', body })
  if (!response.ok) throw new Error(`The server answered ${path} with ${response.status}.`)
  return response.json()
}

/** New grants, for any process that knows where the server is. */
export async function mintAt(issuer: string, order: MintOrder): Promise<Minted[]> {
  return (await control(issuer, '/mint', JSON.stringify(order))) as Minted[]
}

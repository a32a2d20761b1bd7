import type { Call } from '../harness/slots.ts'
import type { ServerPlace } from '../rivals/rival.ts'
import type { Minted } from '../server/protocol.ts'

/**
 * A library's calls alone, as its own documentation shows them, without an application around them: what one more call costs.
 * What a library has no means for is left out.
 */
export interface Library {
  /** An authorised GET with a token that is fresh; the answer's body is read. */
  readonly request?: (server: ServerPlace, grant: Minted) => Promise<Call>
  /** The access token that is at hand and fresh. */
  readonly token?: (server: ServerPlace, grant: Minted) => Promise<TokenCall>
  /** Opens what redeems refresh tokens: it is given so many grants whose tokens are spent, and redeems the one that a call names. */
  readonly refresh?: (server: ServerPlace) => Promise<(grants: readonly Minted[]) => Promise<Call>>
}

/** A call that needs no promise shows that it needs none. */
export type TokenCall =
  | { readonly kind: 'promise'; readonly call: () => Promise<unknown> }
  | { readonly kind: 'value'; readonly call: () => unknown }

/** The grant that a call names. */
export function grantAt<T>(grants: readonly T[], index: number): T {
  const grant = grants[index]
  if (grant === undefined) throw new RangeError(`Expected a grant for call ${index}, got ${grants.length} grants.`)
  return grant
}

/** Reads the body, as an application does. @throws Error for every other status than 200: it would not be the same work */
export async function read(response: Response): Promise<void> {
  if (response.status !== 200) throw new Error(`Expected the API to answer 200, got ${response.status}.`)
  await response.arrayBuffer()
}

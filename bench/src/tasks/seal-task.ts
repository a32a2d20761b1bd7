import { compare, type Comparison, type ComparisonSize, type Prepare } from '../harness/slots.ts'
import { load, type LibraryName } from '../libraries/index.ts'

export interface SealOrder {
  readonly base: LibraryName
  readonly own: LibraryName
  /** How many grants there are, which calls take in turns. */
  readonly grants: number
  readonly size: ComparisonSize
}

export interface SealAnswer {
  /** Of sealing, and of opening. */
  readonly comparisons: readonly [seal: Comparison, open: Comparison]
}

/** Sealing and opening beside that of a baseline, in one process. */
export async function task({ base, grants, own, size }: SealOrder): Promise<SealAnswer> {
  const [baseCalls, ownCalls] = [await prepared(base, grants), await prepared(own, grants)]
  const seal = await compare(baseCalls.seal, ownCalls.seal, size)
  return { comparisons: [seal, await compare(baseCalls.open, ownCalls.open, size)] }
}

async function prepared(
  name: LibraryName,
  grants: number,
): Promise<{ readonly seal: Prepare; readonly open: Prepare }> {
  const vault = await (await load(name)).vault?.()
  if (vault === undefined) throw new Error(`Expected ${name} to seal.`)
  const texts = Array.from({ length: grants }, realisticRecord)
  const sealed: string[] = []
  for (const [grant, text] of texts.entries()) sealed.push(await vault.seal(text, grant))
  // The grants go on from slot to slot, so that a key is met again only after those of all other grants.
  const inTurn = (texts: readonly string[], call: (text: string, grant: number) => Promise<string>): Prepare => {
    let next = 0
    return () => () => {
      const grant = next++ % grants
      return call(texts[grant] ?? '', grant)
    }
  }
  return { seal: inTurn(texts, vault.seal), open: inTurn(sealed, vault.open) }
}

const text = (bytes: number): string => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('base64url')

/** What is sealed of one grant, of about the size of Google's token response: 1.5 KB. */
export function realisticRecord(): string {
  const now = Date.now()
  return JSON.stringify({
    v: 1,
    token: {
      accessToken: `ya29.${text(160)}`,
      tokenType: 'bearer',
      receivedAt: now,
      expiresAt: now + 3_599_000,
      refreshToken: `1//${text(75)}`,
      scope: ['openid', 'https://www.googleapis.com/auth/userinfo.email', 'https://www.googleapis.com/auth/calendar'],
      idToken: `${text(82)}.${text(360)}.${text(256)}`,
    },
  })
}

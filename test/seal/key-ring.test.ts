import { inspect } from 'node:util'

import { base64url, type CompactJWEHeaderParameters, CompactEncrypt, decodeProtectedHeader } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { ConfigError, SealError } from '../../src/model/errors.ts'
import { nodeCrypto } from '../../src/util/node-crypto.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { keyRingWith } from '../../src/seal/make-key-ring.ts'
import { nodeCipher } from '../../src/seal/node-cipher.ts'
import { webCipher } from '../../src/seal/web-cipher.ts'

const bytes = Uint8Array.from({ length: 32 }, (_, index) => index)
const key = base64url.encode(bytes)
const context = '["acme","ann","","id"]'
const utf8 = new TextEncoder()

/** Seals as the key ring does, with any header. */
async function craft(header: Record<string, unknown>, text = 'crafted', keyBytes = bytes): Promise<string> {
  const base = await crypto.subtle.importKey('raw', keyBytes, 'HKDF', false, ['deriveBits'])
  const info = utf8.encode(`evergrant seal 1\0${context}`)
  const derived = await crypto.subtle.deriveBits(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info },
    base,
    256,
  )
  const full = { ...(await goodHeader()), ...header } as CompactJWEHeaderParameters
  const keyForIt = full.enc === 'A256GCM' ? derived : derived.slice(0, 16)
  const jwe = new CompactEncrypt(utf8.encode(text)).setProtectedHeader(full)
  return jwe.encrypt(new Uint8Array(keyForIt), { crit: { surprise: true } })
}

async function goodHeader(): Promise<Record<string, unknown>> {
  const hash = await crypto.subtle.digest('SHA-256', utf8.encode(context))
  return { alg: 'dir', enc: 'A256GCM', kid: '2026a', ctx: base64url.encode(new Uint8Array(hash)) }
}

const node = nodeCrypto()!
const CIPHERS = {
  "Node's cryptography": nodeCipher(node),
  'Web Crypto': webCipher,
} as const
type CipherName = keyof typeof CIPHERS
const CIPHER_NAMES = Object.keys(CIPHERS) as CipherName[]
const ringWith = (name: CipherName) => keyRingWith(`2026a:${key}`, CIPHERS[name])
const ring = keyRing(`2026a:${key}`)

async function sealErrorOf(opening: Promise<unknown>): Promise<SealError> {
  const error = await opening.then(
    () => expect.unreachable('it opened'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(SealError)
  return error as SealError
}

describe.each(CIPHER_NAMES)('what is sealed with %s', (name) => {
  const ring = ringWith(name)

  test.each(['', 'a', '{"v":1}', 'é😀', 'x'.repeat(100_000)])('opens again', async (text) => {
    expect(await ring.open(await ring.seal(text, context), context)).toBe(text)
  })

  test('is a compact JWE that names its key and hides its context', async () => {
    const sealed = await ring.seal('a secret', context)
    expect(sealed.split('.')).toHaveLength(5)
    expect(decodeProtectedHeader(sealed)).toEqual(await goodHeader())
    expect(sealed).not.toContain('secret')
  })

  test('is never the same twice', async () => {
    expect(await ring.seal('a', context)).not.toBe(await ring.seal('a', context))
  })

  test('by the first release is unsealed by every later one', async () => {
    const sealed =
      'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiMjAyNmEiLCJjdHgiOiJDb0NDMWVmbFdFUnlsd3Y1WGg5bUdVazRKSFk2MEVfM3dGelhYVEpyMWtrIn0..6TSn8aYOMvTBWitw.ZlgDbfsLpA.HmJEabi8OcxySZl1tTbjeA'
    expect(await ring.open(sealed, context)).toBe('{"v":1}')
  })

  test('is unsealed also if another program made it in the same form', async () => {
    expect(await ring.open(await craft({}), context)).toBe('crafted')
  })

  test('is unsealed for more contexts than a key ring remembers', async () => {
    const sealed = await Promise.all(
      Array.from({ length: 1_100 }, (_, index) => ring.seal(`${index}`, `context ${index}`)),
    )
    for (const index of [0, 1, 99, 100, 1_099]) {
      expect(await ring.open(sealed[index]!, `context ${index}`)).toBe(`${index}`)
    }
  })
})

describe('sealing that was prepared with Web Crypto', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test('derives no further key', async () => {
    const fresh = keyRingWith(`a:${generateKey()}`, webCipher)
    const seal = await fresh.prepare(context)
    vi.spyOn(crypto.subtle, 'deriveKey').mockRejectedValue(new Error('no further keys'))
    vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(new Error('no further keys'))
    vi.spyOn(crypto.subtle, 'digest').mockRejectedValue(new Error('no further hashes'))
    expect(await fresh.open(await seal('late'), context)).toBe('late')
  })

  test('derives keys that cannot be exported, once for each context that it remembers', async () => {
    const fresh = keyRingWith(`a:${generateKey()}`, webCipher)
    const derive = vi.spyOn(crypto.subtle, 'deriveKey')
    await fresh.seal('text', 'first')
    await fresh.seal('text', 'first')
    expect(derive).toHaveBeenCalledOnce()
    expect(derive.mock.calls[0]?.[3]).toBe(false)
    await Promise.all(Array.from({ length: 9_999 }, (_, index) => fresh.prepare(`context ${index}`)))
    await fresh.seal('text', 'first')
    expect(derive).toHaveBeenCalledTimes(10_000)
    // The least recently used one goes first.
    await fresh.seal('text', 'one more')
    await fresh.seal('text', 'first')
    expect(derive).toHaveBeenCalledTimes(10_001)
    await fresh.seal('text', 'context 0')
    expect(derive).toHaveBeenCalledTimes(10_002)
  })

  test('a failure to derive a key is not remembered', async () => {
    const fresh = keyRingWith(`a:${generateKey()}`, webCipher)
    vi.spyOn(crypto.subtle, 'importKey').mockRejectedValueOnce(new Error('try again'))
    await expect(fresh.prepare(context)).rejects.toThrow('try again')
    vi.spyOn(crypto.subtle, 'deriveKey').mockRejectedValueOnce(new Error('try again'))
    await expect(fresh.prepare(context)).rejects.toThrow('try again')
    expect(await (await fresh.prepare(context))('a')).toContain('..')
  })
})

test('sealing that was prepared with Node’s cryptography derives no further key', async () => {
  const derive = vi.fn(node.createSecretKey)
  const fresh = keyRingWith(`a:${generateKey()}`, nodeCipher({ ...node, createSecretKey: derive as never }))
  const seal = await fresh.prepare(context)
  const keys = derive.mock.calls.length
  expect(keys).toBeGreaterThan(0)
  await seal('late')
  expect(derive).toHaveBeenCalledTimes(keys)
})

test.each([
  ["Node's cryptography", 'Web Crypto'],
  ['Web Crypto', "Node's cryptography"],
] as const)('a text sealed with %s is unsealed with %s', async (one, other) => {
  for (const text of ['', 'é😀', 'x'.repeat(5_000)]) {
    expect(await ringWith(other).open(await ringWith(one).seal(text, context), context)).toBe(text)
  }
})

describe('the cryptography is', () => {
  beforeEach(() => vi.resetModules())
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test("Node's own where it is available", async () => {
    const encrypt = vi.spyOn(crypto.subtle, 'encrypt')
    await ring.seal('text', context)
    expect(encrypt).not.toHaveBeenCalled()
  })

  test.each([
    ['has no such modules', { getBuiltinModule: undefined }],
    ['does not have this module', { getBuiltinModule: () => undefined }],
  ])('Web Crypto where the process %s', async (_name, change) => {
    vi.stubGlobal('process', { ...process, ...change })
    const { keyRing: other } = await import('../../src/seal/index.ts')
    const encrypt = vi.spyOn(crypto.subtle, 'encrypt')
    const sealed = await other(`2026a:${key}`).seal('text', context)
    vi.unstubAllGlobals()
    expect(await ring.open(sealed, context)).toBe('text')
    expect(encrypt).toHaveBeenCalledOnce()
  })
})

describe('rotation', () => {
  const [older, newer] = [generateKey(), generateKey()]

  test('the first key seals, and every key unseals', async () => {
    const before = keyRing(`older:${older}`)
    const during = keyRing(`older:${older},newer:${newer}`)
    const after = keyRing(` newer:${newer} ,\n older:${older} `)
    expect([before, during, after].map((each) => each.currentKeyId)).toEqual(['older', 'older', 'newer'])
    const sealed = await after.seal('text', context)
    expect(after.keyIdOf(sealed)).toBe('newer')
    expect(await during.open(sealed, context)).toBe('text')
    expect(await after.open(await during.seal('old', context), context)).toBe('old')
    const error = await sealErrorOf(before.open(sealed, context))
    expect([error.keyId, error.retryable]).toEqual(['newer', false])
    expect(error.message).toContain("sealed with key 'newer', which is not in the key ring")
  })

  test('another key with the same id does not unseal', async () => {
    const sealed = await keyRing(`k:${older}`).seal('text', context)
    const error = await sealErrorOf(keyRing(`k:${newer}`).open(sealed, context))
    expect(error.keyId).toBe('k')
    expect(error.message).toContain('another key under that id')
  })

  test('the key id of what is not sealed is unknown', () => {
    expect(ring.keyIdOf('{"v":1}')).toBe(undefined)
  })
})

describe.each(CIPHER_NAMES)('%s does not unseal', (name) => {
  const ring = ringWith(name)

  test('a token that was moved to another record', async () => {
    const error = await sealErrorOf(ring.open(await ring.seal('text', context), '["acme","bob","","id"]'))
    expect(error.message).toContain('belongs to another grant')
    expect(error.keyId).toBe('2026a')
  })

  test('a moved token with an adapted header, because the key itself is bound to the context', async () => {
    const sealed = await ring.seal('text', '["acme","bob","","id"]')
    const [, ...rest] = sealed.split('.')
    const header = base64url.encode(JSON.stringify(await goodHeader()))
    await sealErrorOf(ring.open([header, ...rest].join('.'), context))
  })

  test.each([1, 2, 3, 4])('a token with a changed part (%i)', async (part) => {
    const parts = (await ring.seal('a text that is long enough', context)).split('.')
    const old = parts[part]!
    parts[part] = old === '' ? 'AAAA' : `${old[0] === 'A' ? 'B' : 'A'}${old.slice(1)}`
    await sealErrorOf(ring.open(parts.join('.'), context))
  })

  test.each([
    ['a shorter tag', 4, (old: string) => old.slice(0, 16)],
    ['a longer tag', 4, (old: string) => `${old}AAAA`],
    ['another length of iv', 2, (old: string) => `${old}AAAA`],
    ['characters that are not base64url', 3, (old: string) => `${old}+`],
    ['spaces', 3, (old: string) => ` ${old}`],
    ['a sixth part', 4, (old: string) => `${old}.AAAA`],
  ])('a token with %s', async (_name, part, change) => {
    const parts = (await ring.seal('a text that is long enough', context)).split('.')
    parts[part] = change(parts[part]!)
    await sealErrorOf(ring.open(parts.join('.'), context))
  })

  test.each([
    ['a compressed one', { zip: 'DEF' }],
    ['one with critical extensions', { crit: ['surprise'], surprise: 1 }],
    ['one with another member', { typ: 'JWE' }],
    ['one of another encryption', { enc: 'A128GCM' }],
    ['one without a context', { ctx: undefined }],
    ['one without a key id', { kid: undefined }],
    ['one whose key id is no text', { kid: 5 }],
    ['one whose key id is a page of text', { kid: 'x'.repeat(1000) }],
  ])('%s', async (_name, header) => {
    const sealed = await craft(header).catch(async () => {
      // The library jose does not create it. Only the header matters.
      const parts = (await craft({})).split('.')
      return [base64url.encode(JSON.stringify({ ...(await goodHeader()), ...header })), ...parts.slice(1)].join('.')
    })
    const error = await sealErrorOf(ring.open(sealed, context))
    expect(error.message).toContain('not sealed in the form')
    expect(error.message.length).toBeLessThan(400)
  })

  test.each([
    ['alg', 'A256KW'],
    ['alg', 'A256GCMKW'],
    ['alg', 'none'],
    ['enc', 'none'],
    ['enc', 'A256CBC-HS512'],
  ])('one whose %s says %s', async (member, value) => {
    const parts = (await ring.seal('text', context)).split('.')
    const header = base64url.encode(JSON.stringify({ ...(await goodHeader()), [member]: value }))
    expect((await sealErrorOf(ring.open([header, ...parts.slice(1)].join('.'), context))).keyId).toBe('2026a')
  })

  test.each([
    '',
    'text',
    '{"v":1,"token":{"accessToken":"the-secret"}}',
    'a.b.c',
    '....',
    'bm90IGpzb24..a.b.c',
    `${base64url.encode('[]')}..a.b.c`,
    `${base64url.encode('null')}..a.b.c`,
    `${base64url.encode(new Uint8Array([0xff, 0xfe]))}..a.b.c`,
    undefined,
  ])('what is no JWE: %s', async (sealed) => {
    const error = await sealErrorOf(ring.open(sealed as string, context))
    expect(error.keyId).toBe('')
    expect(inspect(error, { depth: 9 })).not.toContain('the-secret')
  })

  test('text that is not UTF-8', async () => {
    const hash = (await goodHeader())['ctx'] as string
    const base = await crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveBits'])
    const info = utf8.encode(`evergrant seal 1\0${context}`)
    const derived = await crypto.subtle.deriveBits(
      { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info },
      base,
      256,
    )
    const jwe = new CompactEncrypt(new Uint8Array([0xff])).setProtectedHeader({
      alg: 'dir',
      enc: 'A256GCM',
      kid: '2026a',
      ctx: hash,
    })
    await sealErrorOf(ring.open(await jwe.encrypt(new Uint8Array(derived)), context))
  })
})

describe('a key ring is not made of', () => {
  test.each([
    ['nothing', undefined, 'environment variable'],
    ['null', null, 'got null'],
    ['an empty text', '', 'empty'],
    ['commas', ' , ,', 'empty'],
    ['a key without an id', key, 'has no id'],
    ['an empty id', `:${key}`, 'unusable id'],
    ['an id of odd characters', `a b:${key}`, 'unusable id'],
    ['an id that is too long', `${'a'.repeat(65)}:${key}`, 'unusable id'],
    ['a key that is too short', `a:${key.slice(1)}`, '43 characters'],
    ['a key that is too long', `a:${key}A`, '43 characters'],
    ['plain base64', `a:${'+/'.repeat(21)}A`, '43 characters'],
    ['hexadecimal digits', `a:${'0'.repeat(64)}`, '43 characters'],
    ['a key that is not in canonical base64url', `a:${key.slice(0, 42)}9`, '43 characters'],
    ['an id for two keys', `a:${key},a:${generateKey()}`, "two keys with the id 'a'"],
    ['one good and one bad key', `a:${key},b:x${key}`, 'Key 2'],
  ])('%s', (_name, specification, message) => {
    const made = (): unknown => keyRing(specification as string)
    expect(made).toThrow(ConfigError)
    expect(made).toThrow(message)
    // The message must not show a key, in any place.
    for (const part of [key.slice(0, 8), key.slice(8, 20), '+/+/', '00000']) expect(made).not.toThrow(part)
  })
})

test('padding is no fault', async () => {
  expect(await keyRing(`2026a:${key}=`).open(await ring.seal('a', context), context)).toBe('a')
})

test('a key ring shows no key', () => {
  const shown = inspect(ring, { depth: 9, showHidden: true }) + JSON.stringify(ring) + Object.values(ring).join()
  expect(shown).not.toContain(key.slice(0, 8))
  expect(shown).not.toContain('0, 1, 2, 3')
  expect(Object.isFrozen(ring)).toBe(true)
})

test('a new key is 32 random bytes, base64url', () => {
  const keys = Array.from({ length: 50 }, generateKey)
  expect(new Set(keys).size).toBe(50)
  for (const each of keys) {
    expect(each).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(keyRing(`a:${each}`).currentKeyId).toBe('a')
  }
})

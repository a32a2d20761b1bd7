import { MOST_LOOKED_AT_BYTES, type BodyLook } from '../client/answers/rejected-answers.ts'

/** Inspects a body as it arrives; see `BodyLook`. */
export interface Look {
  add(chunk: Uint8Array): boolean | undefined
  end(): boolean
}

/** Inspects an encoded body (RFC 9110 section 8.4) when it is complete: undici's dispatchers do not decode bodies. */
export function lookAt(look: BodyLook, encoding: string | null | undefined): Look {
  const format = encoding?.trim().toLowerCase() ?? ''
  return format === '' || format === 'identity' ? look : new EncodedLook(look, format)
}

class EncodedLook implements Look {
  readonly #look: BodyLook
  readonly #format: string
  readonly #chunks: Uint8Array[] = []
  #bytes = 0

  constructor(look: BodyLook, format: string) {
    this.#look = look
    this.#format = format
  }

  add(chunk: Uint8Array): boolean | undefined {
    this.#chunks.push(chunk)
    this.#bytes += chunk.byteLength
    return this.#bytes > MOST_LOOKED_AT_BYTES ? false : undefined
  }

  end(): boolean {
    const whole = new Uint8Array(this.#bytes)
    let at = 0
    for (const chunk of this.#chunks) {
      whole.set(chunk, at)
      at += chunk.byteLength
    }
    const body = decoded(whole, this.#format)
    return body !== undefined && (this.#look.add(body) ?? this.#look.end())
  }
}

/** Returns undefined for a body that is not decoded here, or is longer than what is inspected. */
function decoded(body: Uint8Array, format: string): Uint8Array | undefined {
  const zlib = globalThis.process?.getBuiltinModule?.('node:zlib')
  const limit = { maxOutputLength: MOST_LOOKED_AT_BYTES }
  try {
    switch (format) {
      case 'gzip':
      case 'x-gzip':
        return zlib?.gunzipSync(body, limit)
      case 'deflate':
        return zlib?.inflateSync(body, limit)
      case 'br':
        return zlib?.brotliDecompressSync(body, limit)
      case 'zstd':
        return zlib?.zstdDecompressSync?.(body, limit)
      default:
        return undefined
    }
  } catch {
    return undefined
  }
}

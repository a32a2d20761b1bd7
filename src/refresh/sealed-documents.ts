import { SealError } from '../model/errors.ts'
import type { KeyRing } from '../seal/key-ring.ts'
import { assertPut, type DocumentAnswer, type Documents, type StoredDocument } from '../stores/documents.ts'

/** Prefix of a sealed value. A reader says whether it expects a sealed or a clear value. */
const SEALED = 's:'
const CLEAR = 'c:'

/** How a document is stored. */
export interface DocumentOptions {
  /** Whether the value is public and stored unsealed. A reader must say the same. @default false */
  readonly clear?: boolean | undefined
}

/** Small texts by name, next to the grants. They are sealed with the grants' keys, each bound to its name. */
export class SealedDocuments {
  readonly #documents: Documents
  readonly #keys: KeyRing | undefined

  /** @internal */
  constructor(documents: Documents, keys: KeyRing | undefined) {
    this.#documents = documents
    this.#keys = keys
  }

  /**
   * Reads a document.
   * @throws SealError if the key is wrong or missing, the value belongs to another name, or it is not stored as `clear`
   * says
   */
  async get(name: string, options: DocumentOptions = {}): Promise<StoredDocument | undefined> {
    const { document } = await this.#documents.get(name)
    return document && this.#opened(name, document, options)
  }

  /**
   * Stores a value if the document's version is `version`; with 0, if there is no document. The first of several
   * writers wins. The document ends after `ttlMs`. Resolves to whether it was stored, and to the current document.
   * @throws ConfigError for a name that cannot be indexed, or a sealed value above 64 KiB
   */
  async put(
    name: string,
    value: string,
    options: DocumentOptions & { readonly version: number; readonly ttlMs?: number | undefined },
  ): Promise<Omit<DocumentAnswer, 'now'>> {
    const { version, ttlMs } = options ?? {}
    assertPut(value, { version, ttlMs })
    const text = options.clear === true ? `${CLEAR}${value}` : `${SEALED}${await this.#seal(name, value)}`
    const { put, document } = await this.#documents.put(name, text, { version, ttlMs })
    return { put, document: document && (await this.#opened(name, document, options)) }
  }

  /** Deletes the document of that version. Resolves to whether it was deleted. */
  delete(name: string, options: { readonly version: number }): Promise<boolean> {
    return this.#documents.delete(name, options)
  }

  /** Lists the documents whose name starts with the prefix and that are stored as `clear` says. */
  async *list(
    prefix: string,
    options: DocumentOptions = {},
  ): AsyncGenerator<StoredDocument & { readonly name: string }> {
    for await (const { name, ...document } of this.#documents.list(prefix)) {
      if (document.value.startsWith(options.clear === true ? CLEAR : SEALED))
        yield { name, ...(await this.#opened(name, document, options)) }
    }
  }

  /**
   * Lists the documents sealed with another key than the ring's first. `reseal` resolves to whether it was resealed.
   */
  async *outdated(): AsyncGenerator<{ readonly name: string; readonly reseal: () => Promise<boolean> }> {
    for await (const document of this.#documents.list('')) {
      if (this.#isOutdated(document.value)) yield { name: document.name, reseal: () => this.#reseal(document) }
    }
  }

  #isOutdated(value: string): boolean {
    const keys = this.#keys
    if (!value.startsWith(SEALED) || keys?.keyIdOf === undefined || keys.currentKeyId === undefined) return false
    return keys.keyIdOf(value.slice(SEALED.length)) !== keys.currentKeyId
  }

  async #reseal({ name, value, version, expiresAt }: StoredDocument & { readonly name: string }): Promise<boolean> {
    const clear = await this.#open(name, value.slice(SEALED.length))
    const { now } = await this.#documents.get(name)
    const ttlMs = expiresAt === undefined ? undefined : Math.max(expiresAt - now, 1)
    const text = `${SEALED}${await this.#seal(name, clear)}`
    return (await this.#documents.put(name, text, { version, ttlMs })).put
  }

  async #opened(name: string, document: StoredDocument, { clear = false }: DocumentOptions): Promise<StoredDocument> {
    const { value } = document
    if (!value.startsWith(clear ? CLEAR : SEALED)) {
      throw new SealError(
        '',
        `A stored document is kept ${clear ? 'sealed' : 'clear'}: ${clear ? 'read it without' : 'if it is meant to be public, read it with'} \`clear: true\`. It was left unchanged.`,
      )
    }
    return {
      ...document,
      value: clear ? value.slice(CLEAR.length) : await this.#open(name, value.slice(SEALED.length)),
    }
  }

  // Without a key ring, in a store that ends with the process, values stay clear.
  async #seal(name: string, value: string): Promise<string> {
    return this.#keys === undefined ? value : this.#keys.seal(value, contextOf(name))
  }

  async #open(name: string, sealed: string): Promise<string> {
    return this.#keys === undefined ? sealed : this.#keys.open(sealed, contextOf(name))
  }
}

/** The context that a sealed value is bound to. No grant has such a context. */
function contextOf(name: string): string {
  return JSON.stringify({ document: name })
}

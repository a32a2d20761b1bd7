import { ConfigError } from '../model/errors.ts'
import { assertIndexable } from '../model/check-key.ts'

/** Longest value, in bytes of UTF-8. */
const LONGEST_VALUE = 64 * 1024

/** Longest lifetime of a document: a hundred years. */
const LONGEST_MS = 100 * 365 * 24 * 3_600_000

/** How long an ended document's version is remembered, so that an earlier writer cannot match its number again. */
const ENDED_MS = 24 * 3_600_000

/** Prefix of the names of single-use ids. No other document may have it. */
const ONCE = 'once:'

/** A small text that is stored under a name. */
export interface StoredDocument {
  readonly value: string
  /** 1 at first, incremented at each write, also after the document ended. */
  readonly version: number
  /** Time at which it ends (store time). Absent: never. */
  readonly expiresAt?: number
}

/** The result of a `put`. */
export interface DocumentAnswer {
  /** Whether this value is stored, with the next version. */
  readonly put: boolean
  /** The current document. */
  readonly document?: StoredDocument | undefined
  readonly now: number
}

/** Small texts by name: client registrations, server facts, locks. A write needs the version that it replaces. */
export interface Documents {
  get(name: string): Promise<{ readonly document?: StoredDocument | undefined; readonly now: number }>
  /**
   * Stores a value if the document's version is `version`; with 0, if there is no document. The first of several
   * writers wins. The document ends after `ttlMs`.
   * @throws ConfigError for a name that cannot be indexed or a value above 64 KiB, before any I/O
   */
  put(
    name: string,
    value: string,
    options: { readonly version: number; readonly ttlMs?: number | undefined },
  ): Promise<DocumentAnswer>
  /** Deletes the document of that version. Returns whether it was deleted. */
  delete(name: string, options: { readonly version: number }): Promise<boolean>
  /** Lists documents whose name starts with the prefix. */
  list(prefix: string): AsyncIterable<StoredDocument & { readonly name: string }>
}

/** What is remembered under a name. Without `value`: a document that was deleted. */
export interface DocumentEntry {
  readonly version: number
  readonly value?: string | undefined
  readonly expiresAt?: number | undefined
  /** Time from which nothing is remembered. */
  readonly forgetAt?: number | undefined
}

/** The result of an operation, and what to write with it. */
export interface DocumentDecision<A> {
  readonly answer: A
  readonly write?: DocumentEntry
}

/** The document of an entry, unless it ended. */
export function documentOf(entry: DocumentEntry | undefined, now: number): StoredDocument | undefined {
  if (entry?.value === undefined || (entry.expiresAt !== undefined && entry.expiresAt <= now)) return undefined
  const { value, version, expiresAt } = entry
  return expiresAt === undefined ? { value, version } : { value, version, expiresAt }
}

function versionOf(entry: DocumentEntry | undefined, now: number): number {
  return entry === undefined || (entry.forgetAt !== undefined && entry.forgetAt <= now) ? 0 : entry.version
}

export function decidePutDocument(
  entry: DocumentEntry | undefined,
  value: string,
  { version, ttlMs }: { readonly version: number; readonly ttlMs?: number | undefined },
  now: number,
): DocumentDecision<DocumentAnswer> {
  const current = documentOf(entry, now)
  if ((current?.version ?? 0) !== version) return { answer: { put: false, document: current, now } }
  const document: StoredDocument = {
    value,
    version: versionOf(entry, now) + 1,
    ...(ttlMs !== undefined && { expiresAt: Math.round(now + ttlMs) }),
  }
  const { expiresAt } = document
  const write = { ...document, ...(expiresAt !== undefined && { forgetAt: expiresAt + ENDED_MS }) }
  return { answer: { put: true, document, now }, write }
}

export function decideDeleteDocument(
  entry: DocumentEntry | undefined,
  version: number,
  now: number,
): DocumentDecision<boolean> {
  if (entry === undefined || versionOf(entry, now) !== version || version === 0) return { answer: false }
  // Deleted by this call's first attempt, or ended: there is nothing to delete.
  if (documentOf(entry, now) === undefined) return { answer: entry.value === undefined }
  return { answer: true, write: { version, forgetAt: Math.round(now) + ENDED_MS } }
}

/** Decides `once` as a document whose value names the first user. */
export function decideOnce(
  entry: DocumentEntry | undefined,
  by: string,
  ttlMs: number,
  now: number,
): DocumentDecision<boolean> {
  const document = documentOf(entry, now)
  if (document !== undefined) return { answer: document.value === by }
  const expiresAt = Math.round(now + ttlMs)
  return { answer: true, write: { version: 1, value: by, expiresAt, forgetAt: expiresAt } }
}

/** The key of a document's row. */
export function documentKey(name: string): string {
  if (typeof name !== 'string' || isOnce(name)) {
    throw new ConfigError(`Expected a document's name to be a string that does not start with '${ONCE}'.`)
  }
  return rowKey(name)
}

/** Whether a name belongs to a single-use id. */
function isOnce(name: string): boolean {
  return name.startsWith(ONCE)
}

export function onceKey(id: string): string {
  return rowKey(`${ONCE}${id}`)
}

function rowKey(name: string): string {
  const text = JSON.stringify(name)
  assertIndexable(text, "a document's name")
  return text
}

/** @throws ConfigError for a value or options that no store accepts */
export function assertPut(
  value: string,
  options: { readonly version: number; readonly ttlMs?: number | undefined },
): void {
  if (typeof value !== 'string') throw new ConfigError(`Expected a document to be a string, got ${typeof value}.`)
  const { version, ttlMs = 1 } = options ?? {}
  if (!(Number.isInteger(version) && version >= 0)) {
    throw new ConfigError(`Expected version to be that of the document to replace, or 0, got ${String(version)}.`)
  }
  if (!(typeof ttlMs === 'number' && ttlMs > 0 && ttlMs <= LONGEST_MS))
    throw new ConfigError(`Expected ttlMs to be 1 to ${LONGEST_MS} milliseconds, got ${String(ttlMs)}.`)
  const bytes = value.length > LONGEST_VALUE ? value.length : new TextEncoder().encode(value).length
  if (bytes > LONGEST_VALUE) {
    throw new ConfigError(`Expected a document to be at most ${LONGEST_VALUE} bytes as stored, got ${bytes}. Split it.`)
  }
}

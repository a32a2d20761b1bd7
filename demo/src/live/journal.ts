import type { GrantEvents, GrantKey, Grants, Logger, RefreshCause, ReauthorizationReason } from 'evergrant'

/** Something that happened to a grant. */
export type JournalEntry = { readonly at: number } & (
  | { readonly kind: 'refreshed'; readonly cause: RefreshCause; readonly durationMs: number }
  | { readonly kind: 'failed'; readonly code: string; readonly backoffUntil?: number }
  | { readonly kind: 'dead'; readonly reason: ReauthorizationReason }
  | { readonly kind: 'delayed'; readonly attempts: number }
)

/** One line of the library's log. */
export interface LogLine {
  readonly at: number
  readonly level: keyof Logger
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

interface Pages {
  readonly entries: JournalEntry[]
  readonly lines: LogLine[]
}

/** What is remembered of each grant, newest first. */
const mostEntries = 12
/** Of how many grants. */
const mostGrants = 500

type Named = Pick<GrantKey, 'client' | 'subject'>

/** Remembers the latest events and log lines of each grant, for the page to show; nobody is shown another's. */
export class Journal {
  /** To be given to the library. */
  readonly logger: Logger
  readonly #pages = new Map<string, Pages>()
  readonly #listeners = new Set<(grant: Named) => void>()

  /** @param console gets every line too */
  constructor(console?: Logger) {
    const method =
      (level: keyof Logger) =>
      (message: string, fields: Record<string, unknown> = {}): void => {
        console?.[level](message, fields)
        this.#note(level, message, fields)
      }
    this.logger = { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') }
  }

  /** Begins to listen to the grants' events. */
  follow(grants: Grants): void {
    grants.on('refreshed', ({ key, at, cause, durationMs }) =>
      this.#add(key, { at, kind: 'refreshed', cause, durationMs }),
    )
    grants.on('refresh_failed', (event) => this.#add(event.key, failureOf(event)))
    grants.on('reauthorization_required', ({ key, at, reason }) => this.#add(key, { at, kind: 'dead', reason }))
    grants.on('save_delayed', ({ key, at, attempts }) => this.#add(key, { at, kind: 'delayed', attempts }))
    grants.on('disconnected', ({ key }) => this.forget(key))
  }

  /** The latest events of a grant, newest first. */
  entries(grant: Named): readonly JournalEntry[] {
    return this.#pages.get(nameOf(grant))?.entries ?? []
  }

  /** The latest log lines about a grant, newest first. */
  lines(grant: Named): readonly LogLine[] {
    return this.#pages.get(nameOf(grant))?.lines ?? []
  }

  forget(grant: Named): void {
    this.#pages.delete(nameOf(grant))
    this.#tell(grant)
  }

  /** Told of every grant of which there is news. Answers how to stop. */
  onNews(listener: (grant: Named) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #add(key: Named, entry: JournalEntry): void {
    prepend(this.#pageOf(key).entries, entry)
    this.#tell(key)
  }

  #note(level: keyof Logger, message: string, fields: Record<string, unknown>): void {
    const { client, subject, account: _account, ...rest } = fields
    if (typeof client !== 'string' || typeof subject !== 'string') return
    prepend(this.#pageOf({ client, subject }).lines, { at: Date.now(), level, message, fields: rest })
    this.#tell({ client, subject })
  }

  #pageOf(grant: Named): Pages {
    const name = nameOf(grant)
    const page = this.#pages.get(name) ?? { entries: [], lines: [] }
    // The least recently mentioned grant is the first to go.
    this.#pages.delete(name)
    this.#pages.set(name, page)
    const [oldest] = this.#pages.keys()
    if (this.#pages.size > mostGrants && oldest !== undefined) this.#pages.delete(oldest)
    return page
  }

  #tell(grant: Named): void {
    for (const listener of this.#listeners) listener(grant)
  }
}

function failureOf({ at, backoffUntil, code }: GrantEvents['refresh_failed']): JournalEntry {
  return { at, kind: 'failed', code, ...(backoffUntil !== undefined && { backoffUntil }) }
}

function prepend<T>(list: T[], item: T): void {
  list.unshift(item)
  list.length = Math.min(list.length, mostEntries)
}

function nameOf({ client, subject }: Named): string {
  return JSON.stringify([client, subject])
}

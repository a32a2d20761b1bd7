import type { Change } from './changes.ts'

/**
 * One row: a grant, its tombstones, or a document. All texts are opaque to the backend, and read back unchanged. None
 * has a NUL or a lone surrogate.
 */
export interface Row {
  /**
   * At most 700 bytes. Grants: a JSON array of client, subject and account. Documents: a JSON string.
   * Keys are equal, and ordered, by their UTF-8 bytes.
   */
  readonly key: string
  /** A random text, new with each write. It never recurs, not even after the row was removed. */
  readonly revision: string
  /** JSON, usually less than 2 KB. For one minute after a deletion it contains the sealed text too. */
  readonly entry: string
  /** Up to 1 MB, and may be empty. Separate from `entry`, because most writes leave it unchanged. */
  readonly sealed: string
}

/** The result of a read. */
export interface Found {
  /** The database's clock during the call, in whole milliseconds since the epoch. */
  readonly now: number
  /** Absent: there is no row under that key. */
  readonly row?: Row | undefined
}

/** Everything that a backend may search by. Times are whole milliseconds. An absent member finds no row. */
export interface RowIndex {
  /** The subject of a grant's key, as JSON. */
  readonly subject?: string | undefined
  /** Absent: the row is in no list. */
  readonly state?: 'active' | 'reauthorization_required' | 'document' | undefined
  /** The form of a grant's record. A release that does not know it must not get the row from `due`. */
  readonly schema?: number | undefined
  /** Time from which `due` returns the row. Absent: never. */
  readonly dueAt?: number | undefined
  /** Time after which the row may be removed, with one minute's delay. Absent: never. */
  readonly forgetAt?: number | undefined
}

/** What a swap writes. */
export interface Write {
  readonly entry: string
  /** Absent: the sealed text stays unchanged. Present for a new row. */
  readonly sealed?: string | undefined
  readonly index: RowIndex
  /** Only `dueAt` differs from the row's index: the rest need not be written. */
  readonly sameIndex: boolean
  /** Whether the write must survive a crash of the database once the promise has resolved. */
  readonly durable: boolean
  /** Time, by the database's clock, after which nothing is written. */
  readonly notAfter?: number | undefined
  /** A line of the change feed, written with the row or not at all. A backend without a feed ignores it. */
  readonly change?: Change | undefined
}

/** Which rows to list. */
export interface RowFilter {
  /** Only rows whose key starts with it, by bytes. It has no wildcards. */
  readonly prefix: string
  /** As in `RowIndex.subject`. */
  readonly subject?: string | undefined
  readonly state?: RowIndex['state']
}

/** One page of rows, in the order of their keys. */
export interface RowPageRequest extends RowFilter {
  /** Only keys after this one. */
  readonly after?: string | undefined
  readonly limit: number
  /** Only rows whose `dueAt` is at or before this time. */
  readonly dueBefore?: number | undefined
}

/** Which rows to refresh next. */
export interface DueRows {
  /** Whole milliseconds, by the database's clock. */
  readonly before: number
  /** At most 2³¹ - 1. */
  readonly limit: number
  /**
   * Each returned row gets `before + reserveMs` as its `dueAt`. Its revision stays, so that no swap fails because of
   * it.
   */
  readonly reserveMs?: number | undefined
  /** Only rows whose `schema` is this one or a lower one. */
  readonly schema: number
}

/** Number of rows of one client in one state. */
export interface RowCount {
  /** Prefix of the client's keys: up to and including the comma after its name. */
  readonly key: string
  readonly state: string
  readonly count: number
}

/**
 * A database, as `storeOver` uses it. `backendContract` in `evergrant/testing` proves an implementation.
 * Every operation may reject; then its outcome is unknown. Nothing depends on knowing it.
 */
export interface Backend {
  /** Whether its content ends with the process. @default false */
  readonly volatile?: boolean
  /** False: it has no clock of its own and ignores `notAfter`; `now` is then the machine's. @default true */
  readonly guards?: boolean
  /** Reads the row as the last finished `swap` left it, never a replica's older one. */
  read(key: string): Promise<Found>
  /**
   * Writes atomically, with the revision `to`, if the row's revision is `from` and `now <= notAfter`. An undefined
   * `from` means that there is no row. Of two swaps from one revision, one writes. A swap that wrote nothing returns
   * the current row. If it came too late, its `now` is after `notAfter`.
   */
  swap(key: string, from: string | undefined, to: string, write: Write): Promise<Found & { readonly swapped: boolean }>
  /** Lists rows with a `state`, in any order. A row that is present from beginning to end is returned once. */
  list(filter: RowFilter): AsyncIterable<Row>
  /** Returns rows with `dueAt <= before`, the longest due first. With `reserveMs`, each is returned to one caller. */
  due(request: DueRows): Promise<{ readonly rows: readonly Row[]; readonly now: number }>
  /** Lists rows with a `state`. `next` is the key of the last one, absent if no row follows. @default `list`, sorted */
  page?(request: RowPageRequest): Promise<{ readonly rows: readonly Row[]; readonly next?: string | undefined }>
  /** Counts rows of grants by client and state, without documents. @default `list`, counted */
  counts?(request: { readonly prefix?: string | undefined }): Promise<readonly RowCount[]>
  /**
   * Lists changes after the cursor `after`, or from the oldest one on. Those of one key are in the order of their
   * writes. None is missed, in any order of commits. Without changes, `next` is the feed's present end. Changes
   * are kept for 7 days. An unknown or too old cursor gets `expired`, no changes, and the present end as `next`.
   * Absent: there is no feed.
   */
  changes?(request: {
    readonly after?: string | undefined
    readonly limit: number
  }): Promise<{ readonly expired?: boolean; readonly changes: readonly Change[]; readonly next: string }>
  /** Releases what the backend opened itself. Called once, when only lists may still be read. */
  close(): Promise<void>
}

import { join } from 'node:path'

import { interleave } from '../harness/interleave.ts'
import { numberText } from '../harness/markdown.ts'
import { spread, type Spread } from '../harness/stats.ts'
import type { Aim, Bench, Cell } from '../harness/table.ts'
import { bundleOf, type Bundle } from '../start/bundle.ts'
import {
  ALL_FOR_GRANTS,
  CLIENT_AND_SESSION,
  CONTROL,
  ENTRIES,
  packagesOf,
  sourceOf,
  type Entry,
} from '../start/entries.ts'
import { importInProcess, modulesOf, type Import } from '../start/import-in-process.ts'
import { installed } from '../start/installed.ts'

const MOST_MS = 12
const MOST_MS_FOR_GRANTS = 25
const MOST_GZIP_BYTES = 30_000
/** Where packages are imported from. */
const FOLDER = join(import.meta.dirname, '..', '..')

/** What a package costs before it does anything. */
export const start: Bench = {
  name: 'start',
  description: 'import time, memory, dependencies and size',
  run: async ({ full }) => {
    const results = await interleave<Import>(
      full ? 15 : 3,
      ENTRIES.map((entry) => ({ name: entry.label, run: () => importInProcess(entry) })),
    )
    const of = ({ label }: Entry): readonly Import[] => results.get(label) ?? []
    const control = of(CONTROL)
    const rows: (readonly Cell[])[] = []
    for (const entry of ENTRIES) rows.push([entry.label, ...(await cells(entry, of(entry), control))])
    return {
      title: 'Starting',
      intro:
        'The cost of importing what an application needs to refresh a token and to send an authorised request. Import and memory are measured in fresh processes, less the control. The other columns show what is installed, and its size bundled, minified and compressed: with what it imports at once, and with what it imports later too.',
      columns: [
        'imported',
        'import',
        'memory (RSS)',
        'modules',
        'dependencies',
        'on disk',
        'minified',
        'minified and compressed',
        'and what is imported later',
      ],
      rows,
      notes: [
        'Imported as published, with Node.js, from a warm file cache. A dependency counts with all that it depends on.',
        'Bundled by esbuild for Node.js with these exports only, and compressed by gzip, level 9.',
        'oauth4webapi, openid-client, simple-oauth2 and the MCP SDK leave it to the application to keep a token and to refresh it once.',
      ],
      aims: startAims({
        importMs: less(of(CLIENT_AND_SESSION), control, ({ ms }) => ms),
        grantsMs: less(of(ALL_FOR_GRANTS), control, ({ ms }) => ms),
        loaded: await modulesOf(CLIENT_AND_SESSION),
        bundle: await bundleOf(sourceOf(CLIENT_AND_SESSION), FOLDER),
      }),
    }
  },
}

/** A figure less the control's median, to a hundredth. */
function less(imports: readonly Import[], control: readonly Import[], figure: (one: Import) => number): Spread {
  const nothing = spread(control.map(figure)).median
  return spread(imports.map((one) => Math.round((figure(one) - nothing) * 100) / 100))
}

async function cells(entry: Entry, imports: readonly Import[], control: readonly Import[]): Promise<readonly Cell[]> {
  const measured: readonly Cell[] = [
    { ...less(imports, control, ({ ms }) => ms), unit: 'ms' },
    { ...less(imports, control, ({ rssBytes }) => rssBytes / 1e6), unit: 'MB' },
  ]
  if (entry === CONTROL) return [...measured, 0, '', '', '', '', '']
  const { bytes, dependencies } = installed(packagesOf(entry), FOLDER)
  const bundle = await bundleOf(sourceOf(entry), FOLDER)
  const modules = await modulesOf(entry)
  const sizes = [bytes, bundle.bytes, bundle.gzipBytes, bundle.wholeGzipBytes]
  return [...measured, modules.length, dependencies, ...sizes.map(kilobytes)]
}

const kilobytes = (bytes: number): string => `${numberText(bytes / 1000)} KB`

interface Measured {
  readonly importMs: Spread
  /** With a store, the seal and a preset. */
  readonly grantsMs: Spread
  /** URLs of the modules that are loaded. */
  readonly loaded: readonly string[]
  readonly bundle: Bundle
}

/** What Evergrant's client and session must reach. */
export function startAims({ bundle, grantsMs, importMs, loaded }: Measured): readonly Aim[] {
  const needless = loaded.filter((url) => OPTIONAL.test(url))
  const slow = importMs.median > MOST_MS
  const large = bundle.gzipBytes > MOST_GZIP_BYTES
  return [
    {
      aim: `client and session are imported within ${MOST_MS} ms`,
      measured: `${numberText(importMs.median)} ms`,
      met: !slow,
      ...(slow && {
        why: `Most of it is compiling ${loaded.length} files, which are published readable, not minified.`,
      }),
    },
    {
      aim: `Grants, SQLite, the seal and a preset are imported within ${MOST_MS_FOR_GRANTS} ms`,
      measured: `${numberText(grantsMs.median)} ms`,
      met: grantsMs.median <= MOST_MS_FOR_GRANTS,
    },
    {
      aim: `client and session take at most ${kilobytes(MOST_GZIP_BYTES)}, minified and compressed, with all that they import at once`,
      measured: kilobytes(bundle.gzipBytes),
      met: !large,
      ...(large && {
        why: `Of ${kilobytes(bundle.bytes)} minified, ${weights(bundle)}. It includes what keeps a session from losing a token: leases, intents, the order of saving.`,
      }),
    },
    {
      aim: 'providers, the stores of databases, the seal, jose and oauth4webapi are not loaded before they are needed',
      measured: needless.length === 0 ? 'none is' : `${needless.length} are: ${needless.map(baseName).join(', ')}`,
      met: needless.length === 0,
    },
  ]
}

/** What only applications need that import it. */
const OPTIONAL = /\/dist\/(providers|seal|testing|stores)\/|\/node_modules\/(jose|oauth4webapi)\/|node:sqlite/

const baseName = (url: string): string => url.slice(url.lastIndexOf('/') + 1)

/** Minified bytes by package, the largest first. */
export function weights({ files }: Pick<Bundle, 'files'>): string {
  const sums = new Map<string, number>()
  for (const [file, bytes] of Object.entries(files)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? 'evergrant'
    sums.set(name, (sums.get(name) ?? 0) + bytes)
  }
  const sorted = [...sums].filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a)
  return sorted.map(([name, bytes]) => `${name} ${kilobytes(bytes)}`).join(', ')
}

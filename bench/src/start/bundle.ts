import { gzipSync } from 'node:zlib'

import { build, type Plugin } from 'esbuild'

/** What is shipped of a module and of all that it imports at once. */
export interface Bundle {
  /** Minified. */
  readonly bytes: number
  /** Minified, and compressed as far as gzip goes. */
  readonly gzipBytes: number
  /** The same, with what is imported later. */
  readonly wholeGzipBytes: number
  /** Minified bytes by the file that they come from. */
  readonly files: Readonly<Record<string, number>>
}

/** Leaves out what `import()` loads. */
const atOnce: Plugin = {
  name: 'at-once',
  setup: ({ onResolve }) =>
    onResolve({ filter: /./ }, ({ kind, path }) => (kind === 'dynamic-import' ? { path, external: true } : undefined)),
}

/** Bundles a module's text, whose imports are those of a file in `folder`. */
export async function bundleOf(source: string, folder: string): Promise<Bundle> {
  const { contents, files } = await bundled(source, folder, [atOnce])
  const whole = await bundled(source, folder, [])
  return {
    bytes: contents.length,
    gzipBytes: gzipBytes(contents),
    wholeGzipBytes: gzipBytes(whole.contents),
    files,
  }
}

async function bundled(
  source: string,
  folder: string,
  plugins: Plugin[],
): Promise<{ readonly contents: Uint8Array; readonly files: Bundle['files'] }> {
  const { metafile, outputFiles } = await build({
    stdin: { contents: source, resolveDir: folder },
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    write: false,
    metafile: true,
    logLevel: 'silent',
    absWorkingDir: folder,
    plugins,
  })
  const [output] = outputFiles
  if (output === undefined) throw new Error('Expected a bundle.')
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs))
  return {
    contents: output.contents,
    files: Object.fromEntries(inputs.map(([file, { bytesInOutput }]) => [file, bytesInOutput])),
  }
}

const gzipBytes = (contents: Uint8Array): number => gzipSync(contents, { level: 9 }).length

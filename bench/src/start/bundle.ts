import { gzipSync } from 'node:zlib'

import { build } from 'esbuild'

/** What is shipped of a module and of all that it uses. */
export interface Bundle {
  /** Minified. */
  readonly bytes: number
  /** Minified, and compressed as far as gzip goes. */
  readonly gzipBytes: number
  /** Minified bytes by the file that they come from. */
  readonly files: Readonly<Record<string, number>>
}

/** Bundles a module's text, whose imports are those of a file in `folder`. */
export async function bundleOf(source: string, folder: string): Promise<Bundle> {
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
  })
  const [output] = outputFiles
  if (output === undefined) throw new Error('Expected a bundle.')
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs))
  return {
    bytes: output.contents.length,
    gzipBytes: gzipSync(output.contents, { level: 9 }).length,
    files: Object.fromEntries(inputs.map(([file, { bytesInOutput }]) => [file, bytesInOutput])),
  }
}

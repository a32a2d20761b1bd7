import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { installedPackage } from './installed.ts'

/** Makes `bundle/main.js` of an application's `main.js`. Resolves to what the bundler warned of. */
export type Bundler = (folder: string) => Promise<readonly string[]>

/** Bundles the application, and runs the bundle where nothing else is: what was warned of, and what the application printed. */
export async function bundleAndRun(bundler: Bundler): Promise<readonly string[]> {
  using application = installedPackage()
  const { folder } = application
  const warnings = await bundler(folder)
  rmSync(join(folder, 'node_modules'), { recursive: true })
  writeFileSync(join(folder, 'bundle/package.json'), '{ "type": "module" }')
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'bundle/main.js')], { cwd: folder })
  return [...warnings, stdout.trim()]
}

/** What the application prints. */
export const PRINTED = '200 1 google'

const output = (folder: string): string => join(folder, 'bundle')

export const esbuild =
  (platform: 'browser' | 'node' | 'neutral'): Bundler =>
  async (folder) => {
    const { build } = await import('esbuild')
    const { warnings } = await build({
      absWorkingDir: folder,
      entryPoints: ['main.js'],
      outdir: output(folder),
      bundle: true,
      splitting: true,
      format: 'esm',
      platform,
      logLevel: 'silent',
    })
    return warnings.map(({ text }) => text)
  }

export const rolldown: Bundler = async (folder) => {
  const { build } = await import('rolldown')
  const warnings: string[] = []
  await build({
    cwd: folder,
    input: 'main.js',
    output: { dir: output(folder), format: 'esm' },
    platform: 'browser',
    onLog: (_level, { message }) => warnings.push(message),
  })
  return warnings
}

/** What a folder of `.tools/` has, by the path of the program in it. */
const load = async <T>(path: string): Promise<T> => (await import(pathToFileURL(path).href)) as T

interface Rollup {
  rollup(options: object): Promise<{ write(options: object): Promise<unknown>; close(): Promise<void> }>
}

export const rollup =
  (path: string): Bundler =>
  async (folder) => {
    const { rollup: run } = await load<Rollup>(path)
    const plugin = join(path, '../../../../@rollup/plugin-node-resolve/dist/es/index.js')
    const { nodeResolve } = await load<{ nodeResolve(options: object): unknown }>(plugin)
    const warnings: string[] = []
    const made = await run({
      input: join(folder, 'main.js'),
      plugins: [nodeResolve({ browser: true })],
      onwarn: ({ message }: { message: string }) => warnings.push(message),
    })
    await made.write({ dir: output(folder), format: 'es' })
    await made.close()
    return warnings
  }

interface WebpackStats {
  toJson(): { readonly errors: readonly { message: string }[]; readonly warnings: readonly { message: string }[] }
}
type Webpack = (options: object, done: (error: Error | null, stats: WebpackStats) => void) => void

export const webpack =
  (path: string): Bundler =>
  async (folder) => {
    const { default: run } = await load<{ default: Webpack }>(path)
    const options = {
      context: folder,
      entry: './main.js',
      mode: 'production',
      target: 'es2022',
      experiments: { outputModule: true },
      output: { path: output(folder), filename: 'main.js', module: true, chunkFormat: 'module' },
    }
    return new Promise((resolve, reject) => {
      run(options, (error, stats) => {
        if (error) return reject(error)
        const { errors, warnings } = stats.toJson()
        return resolve([...errors, ...warnings].map(({ message }) => message))
      })
    })
  }

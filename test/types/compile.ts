import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { publishedDeclarations, root } from './setup.ts'

/** How a user's project may be set up. */
export interface Variant {
  readonly moduleResolution: 'bundler' | 'nodenext'
  readonly exactOptionalPropertyTypes: boolean
  /** Where `fetch`, `URL` and their like come from: the compiler's own library of browsers, or the types of Node. */
  readonly globals: 'dom' | 'node'
  /** Whether the project is a CommonJS program. */
  readonly commonJs?: boolean
}

export const nameOf = ({ moduleResolution, exactOptionalPropertyTypes, globals, commonJs }: Variant): string =>
  [
    moduleResolution,
    `globals of ${globals}`,
    ...(exactOptionalPropertyTypes ? ['exactOptionalPropertyTypes'] : []),
    ...(commonJs === true ? ['CommonJS'] : []),
  ].join(', ')

/** Every way of each kind once: for each test run. */
export const FEW: readonly Variant[] = [
  { moduleResolution: 'bundler', exactOptionalPropertyTypes: true, globals: 'dom' },
  { moduleResolution: 'nodenext', exactOptionalPropertyTypes: false, globals: 'node' },
]

/** All ways together. */
export const ALL: readonly Variant[] = (['bundler', 'nodenext'] as const).flatMap((moduleResolution) =>
  [true, false].flatMap((exactOptionalPropertyTypes) =>
    (['dom', 'node'] as const).map((globals) => ({ moduleResolution, exactOptionalPropertyTypes, globals })),
  ),
)

/** From 5.8 on, the compiler knows that Node can `require()` a module. */
export const COMMON_JS: Variant = {
  moduleResolution: 'nodenext',
  exactOptionalPropertyTypes: true,
  globals: 'node',
  commonJs: true,
}

const optionsOf = ({ moduleResolution, exactOptionalPropertyTypes, globals }: Variant): object => ({
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noEmit: true,
  target: 'es2022',
  lib: globals === 'dom' ? ['es2022', 'dom', 'dom.iterable'] : ['es2022'],
  types: globals === 'node' ? ['node'] : [],
  module: moduleResolution === 'bundler' ? 'esnext' : 'nodenext',
  moduleResolution,
})

/** A user's folder in which the package is installed, with its declarations only. */
export async function installed(): Promise<{ readonly folder: string; [Symbol.dispose](): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'evergrant-types-'))
  const target = join(folder, 'node_modules/evergrant')
  for (const [name, code] of await publishedDeclarations()) {
    mkdirSync(dirname(join(target, 'dist', name)), { recursive: true })
    writeFileSync(join(target, 'dist', name), code)
  }
  cpSync(join(root, 'package.json'), join(target, 'package.json'))
  for (const scope of ['@types', '@opentelemetry']) mkdirSync(join(folder, 'node_modules', scope))
  for (const name of ['@types/node', 'undici-types', '@opentelemetry/api'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction')
  cpSync(join(import.meta.dirname, 'consumer'), folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}

/** Compiles the user's program, and resolves to what the compiler complains of. */
export async function compile(tsc: string, folder: string, variant: Variant): Promise<readonly string[]> {
  const config = join(folder, `tsconfig.${nameOf(variant).replaceAll(/\W+/g, '-')}.json`)
  const files = [variant.commonJs === true ? 'required.cts' : 'application.ts']
  writeFileSync(config, JSON.stringify({ compilerOptions: optionsOf(variant), files }))
  try {
    await promisify(execFile)(process.execPath, [tsc, '-p', config, '--pretty', 'false'], { cwd: folder })
    return []
  } catch (error) {
    const { stdout } = error as { stdout?: string }
    if (stdout === undefined || stdout === '') throw error
    return stdout.trim().split('\n')
  }
}

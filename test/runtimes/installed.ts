import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** The package and what it depends on. */
const PACKAGES = {
  evergrant: ['package.json', 'dist'],
  jose: ['package.json', 'dist'],
  oauth4webapi: ['package.json', 'build'],
}

/** An application's folder, with the built package as npm installs it, and the programs of `application/`. */
export function installedPackage(): { readonly folder: string; [Symbol.dispose](): void } {
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('The package is not built. Run `npm run build`.')
  const folder = mkdtempSync(join(tmpdir(), 'evergrant-application-'))
  for (const [name, parts] of Object.entries(PACKAGES)) {
    const source = name === 'evergrant' ? root : join(root, 'node_modules', name)
    const target = join(folder, 'node_modules', name)
    mkdirSync(target, { recursive: true })
    for (const part of parts) cpSync(join(source, part), join(target, part), { recursive: true })
  }
  cpSync(join(import.meta.dirname, 'application'), folder, { recursive: true })
  const dependencies = Object.fromEntries(Object.keys(PACKAGES).map((name) => [name, '*']))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', dependencies }))
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}

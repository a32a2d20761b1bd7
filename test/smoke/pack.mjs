import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

import { isInstalled } from '../../scripts/install.mjs'
import { npm } from '../../scripts/npm.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
/** What a clean clone does not have. */
const LEFT_OUT = new Set(['.git', '.data', '.tools', 'build', 'coverage', 'dist', 'node_modules'])

/**
 * Packs both packages from a clean copy of the repository, as publishing does, and unpacks them where an application would have
 * them. Returns that application's folder.
 */
export function packAndInstall() {
  const folder = mkdtempSync(join(tmpdir(), 'evergrant-packed-'))
  const clone = cleanClone(join(folder, 'clone'))
  const modules = join(folder, 'node_modules')
  for (const [name, path] of [
    ['evergrant', '.'],
    ['@evergrant/provider', 'provider'],
  ]) {
    unpack(pack(join(clone, path), join(folder, basename(name))), join(modules, name))
  }
  for (const name of ['oauth4webapi', 'jose', '@opentelemetry/api']) {
    cpSync(join(root, 'node_modules', name), join(modules, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules', 'oidc-provider'), join(modules, 'oidc-provider'), 'junction')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  return folder
}

/** The files of a package in a folder, with slashes. */
export function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)).replaceAll('\\', '/'))
}

function cleanClone(clone) {
  // Otherwise packing would install, through the link, in the repository's own folder.
  if (!isInstalled()) throw new Error('The dependencies are not those of the lockfile. Run `npm run build` first.')
  cpSync(root, clone, {
    recursive: true,
    filter: (path) => !LEFT_OUT.has(basename(path)) && !path.endsWith('.tsbuildinfo'),
  })
  for (const name of ['node_modules', '.tools']) {
    if (existsSync(join(root, name))) symlinkSync(join(root, name), join(clone, name), 'junction')
  }
  return clone
}

/** Runs `npm pack` with the scripts that publishing runs. Returns the tarball's path. */
function pack(packageFolder, target) {
  mkdirSync(target)
  const [command, args] = npm('pack', '--loglevel=error', '--pack-destination', target)
  execFileSync(command, args, { cwd: packageFolder, stdio: ['ignore', 'ignore', 'pipe'] })
  return join(
    target,
    readdirSync(target).find((name) => name.endsWith('.tgz')),
  )
}

/** Windows has `tar` too. */
function unpack(tarball, target) {
  mkdirSync(target, { recursive: true })
  execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
}

/**
 * `npm run docs`: the documentation as a site, at the address that it prints. `npm run docs -- build` writes it to
 * docs/.vitepress/dist, `npm run docs -- preview` serves what was built. VitePress is installed in docs/, once.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { npm } from './npm.mjs'

const docs = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs')
const stamp = join(docs, 'node_modules', '.evergrant-installed')

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: docs, stdio: 'inherit' })
  if (error) console.error(`${command}: ${error.message}`)
  return status ?? 1
}

/** Installs VitePress when the lockfile is not the one that was installed last. */
function install() {
  const digest = () =>
    createHash('sha256')
      .update(readFileSync(join(docs, 'package-lock.json')))
      .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest()) return
  console.log('Installing VitePress (once)…')
  if (run(...npm('install', '--no-save', '--loglevel=error')) !== 0) {
    console.error('Installing VitePress failed: check the connection to the package registry.')
    process.exit(1)
  }
  writeFileSync(stamp, digest())
}

const COMMANDS = ['dev', 'build', 'preview']
const [command = 'dev', ...args] = process.argv.slice(2)
if (!COMMANDS.includes(command)) {
  console.error(`Unknown command '${command}': use ${COMMANDS.join(', ')}.`)
  process.exit(2)
}
install()
process.exit(run(process.execPath, ['node_modules/vitepress/bin/vitepress.js', command, '.', ...args]))

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const candidates = () => [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]

const find = () => candidates().find((path) => path && existsSync(path))

const apt = (...args) =>
  spawnSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }).status === 0

const aptInstall = () => apt('update', '-qq') && apt('install', '-y', '-qq', '--no-install-recommends', 'chromium')

/**
 * Finds a Chromium for the browser tests, or installs Debian's as root.
 * @returns {{ path?: string, missing?: string }}
 */
export function ensureChromium() {
  const found = find()
  if (found) return { path: found }
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log("Installing Debian's Chromium for the browser tests (once)…")
    if (aptInstall() || aptInstall()) return { path: find() }
  }
  return {
    missing:
      'No Chromium: the browser tests need one. Install it (Debian: apt-get install chromium) or set CHROMIUM_PATH. They are skipped here, and fail with CI=true.',
  }
}

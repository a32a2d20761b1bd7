import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const folders = () => [
  ...(process.env.PATH ?? '').split(':'),
  '/usr/bin',
  '/usr/sbin',
  '/usr/local/bin',
  '/opt/homebrew/bin',
]

/** Debian keeps PostgreSQL's programs, of one version or several, out of the PATH. */
function postgresFolders() {
  const versions = '/usr/lib/postgresql'
  if (!existsSync(versions)) return folders()
  const newestFirst = readdirSync(versions).sort((a, b) => Number(b) - Number(a))
  return [...newestFirst.map((version) => join(versions, version, 'bin')), ...folders()]
}

const find = (names, where = folders()) =>
  where.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path))

/** The installed servers' programs; undefined: not installed. */
export function findPrograms() {
  const initdb = find(['initdb'], postgresFolders())
  return {
    postgres: initdb && join(initdb, '../postgres'),
    initdb,
    redis: find(['redis-server', 'valkey-server']),
    pgbouncer: find(['pgbouncer']),
    mariadb: find(['mariadbd']),
    mariadbInstall: find(['mariadb-install-db']),
  }
}

const PACKAGES = { postgres: 'postgresql', redis: 'redis-server', pgbouncer: 'pgbouncer', mariadb: 'mariadb-server' }

function missingPackages() {
  const programs = findPrograms()
  return Object.entries(PACKAGES)
    .filter(([name]) => !programs[name] && !(name === 'postgres' && process.env.DATABASE_URL))
    .map(([, name]) => name)
}

const apt = (...args) =>
  spawnSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }).status === 0

/**
 * Finds the servers that the stores' tests start, or installs Debian's as root.
 * @returns {{ missing?: string }}
 */
export function ensureServers() {
  let missing = missingPackages()
  if (missing.length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log(`Installing ${missing.join(', ')} for the stores' tests (once)…`)
    const install = () => apt('update', '-qq') && apt('install', '-y', '-qq', '--no-install-recommends', ...missing)
    if (!install()) install()
    missing = missingPackages()
  }
  if (missing.length === 0) return {}
  return {
    missing: `No ${missing.join(', no ')}: tests of the stores need them. Install them (Debian: apt-get install ${missing.join(' ')})${
      missing.includes('postgresql') ? ', or set DATABASE_URL' : ''
    }. These tests are skipped here, and fail with CI=true.`,
  }
}

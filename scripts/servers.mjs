import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

import { canInstall, install } from './apt.mjs'

const WINDOWS = process.platform === 'win32'

const folders = () => [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/bin',
  '/usr/sbin',
  '/usr/local/bin',
  '/opt/homebrew/bin',
]

/** Debian and Homebrew keep PostgreSQL's programs, of one version or several, out of the PATH. */
function postgresFolders() {
  const debian = namesIn('/usr/lib/postgresql').map((version) => join('/usr/lib/postgresql', version, 'bin'))
  const homebrew = ['/opt/homebrew/opt', '/usr/local/opt'].flatMap((opt) =>
    namesIn(opt)
      .filter((name) => name.startsWith('postgresql@'))
      .map((name) => join(opt, name, 'bin')),
  )
  return [...debian, ...homebrew, ...folders()]
}

/** The newest version first. */
function namesIn(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder).sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
}

const find = (names, where = folders()) =>
  WINDOWS
    ? undefined
    : where.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path))

/** The installed servers' programs; undefined: not installed. On Windows there are none: what starts them needs a POSIX shell. */
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
/** Where the environment names a server that runs. */
const URLS = { postgres: 'DATABASE_URL', redis: 'REDIS_URL', mariadb: 'MYSQL_URL' }

function missingPackages() {
  const programs = findPrograms()
  return Object.entries(PACKAGES)
    .filter(([name]) => !programs[name] && !process.env[URLS[name]])
    .map(([, name]) => name)
}

/**
 * Finds the servers that the stores' tests start, or installs Debian's as root.
 * @returns {Promise<{ missing?: string }>}
 */
export async function ensureServers() {
  if (missingPackages().length > 0 && canInstall()) await install(missingPackages())
  const missing = missingPackages()
  if (missing.length === 0) return {}
  const advice = WINDOWS
    ? 'On Windows the tests start no servers: set DATABASE_URL, REDIS_URL and MYSQL_URL to servers that run.'
    : `Install them (Debian: apt-get install ${missing.join(' ')}), or set DATABASE_URL, REDIS_URL and MYSQL_URL.`
  const without = 'Without them these tests are skipped; with CI=true they fail.'
  return { missing: `No ${missing.join(', no ')} was found, which tests of the stores need. ${advice} ${without}` }
}

import { inject, type TestContext } from 'vitest'

/** What a test says that it needs. */
export const POSTGRES = 'PostgreSQL (Debian: apt-get install postgresql), or set DATABASE_URL'
export const REDIS = 'Redis (Debian: apt-get install redis-server), or set REDIS_URL'

/**
 * The URL of the run's PostgreSQL: `DATABASE_URL`, a server on the default port (a database of our own there), or one
 * that is started. Undefined if there is none: skip what needs it. With `CI` set that is an error. Use a schema of
 * your own in it, and drop it at the end.
 */
export function postgres(): Promise<string | undefined> {
  return ask('postgres', POSTGRES)
}

/** The URL of the run's Redis: `REDIS_URL`, a server on the default port, or one that is started. Use a key prefix of your own. */
export function redis(): Promise<string | undefined> {
  return ask('redis', REDIS)
}

/** The URL of the run's MariaDB: `MYSQL_URL`, or a server that is started. Use tables of your own. */
export function mariadb(): Promise<string | undefined> {
  return ask('mariadb', 'MariaDB (Debian: apt-get install mariadb-server), or set MYSQL_URL')
}

async function ask(name: string, wanted: string): Promise<string | undefined> {
  const response = await fetch(`${inject('servers')}/${name}`)
  if (!response.ok) throw new Error(`The tests' ${name}: ${await response.text()}`)
  const { url } = (await response.json()) as { url?: string }
  return present(url, wanted)
}

/** What was found; when it is nothing, fails with `CI` set, and else says once what to install. */
export function present<T>(found: T | undefined, wanted: string): T | undefined {
  assertDispensable(found, wanted)
  if (found === undefined) console.warn(`Skipped for want of ${wanted}.`)
  return found
}

/** What was found; when it is nothing, the test is skipped, and says why; with `CI` set it fails. */
export function presentOrSkip<T>({ skip }: Pick<TestContext, 'skip'>, found: T | undefined, wanted: string): T {
  assertDispensable(found, wanted)
  if (found === undefined) skip(`for want of ${wanted}`)
  return found as T
}

function assertDispensable(found: unknown, wanted: string): void {
  if (found === undefined && process.env['CI']) throw new Error(`These tests need ${wanted}.`)
}

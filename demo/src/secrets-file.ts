import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { generateKey } from 'evergrant/seal'
import { SettingsError, type Settings } from './settings.ts'

/** What has to stay the same across restarts, so that grants and web sessions do. */
export interface DemoSecrets {
  /** Sealing keys in `keyRing`'s form. */
  readonly keys: string
  /** Seals the cookies; at least 32 characters. */
  readonly cookiePassword: string
  /** The secret of the client at the embedded provider. */
  readonly clientSecret: string
}

/**
 * The secrets that the environment gives, and for the others those in the secrets file, which is made when there is
 * none. Only its owner can read it. A deployment keeps keys and data apart; for a demo one folder that can be deleted is
 * better.
 * @throws SettingsError when the file can't be made or read
 */
export function loadSecrets({ cookiePassword, keys, secretsFile }: Settings): DemoSecrets {
  if (keys !== undefined && cookiePassword !== undefined) return { ...makeSecrets(), keys, cookiePassword }
  const kept = secretsFile === undefined ? makeSecrets() : keptIn(secretsFile)
  return { ...kept, ...(keys !== undefined && { keys }), ...(cookiePassword !== undefined && { cookiePassword }) }
}

function keptIn(file: string): DemoSecrets {
  try {
    return readOrMake(file)
  } catch (error) {
    throw new SettingsError(`The secrets can't be kept: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function readOrMake(file: string): DemoSecrets {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  try {
    const made = makeSecrets()
    // Fails when it exists: of two processes that start at once, one writes and both read.
    writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`, { flag: 'wx', mode: 0o600 })
    return made
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
  }
  chmodSync(file, 0o600)
  return parseSecrets(readFileSync(file, 'utf8'), file)
}

function makeSecrets(): DemoSecrets {
  return {
    keys: `demo:${generateKey()}`,
    cookiePassword: randomBytes(32).toString('base64url'),
    clientSecret: randomBytes(32).toString('base64url'),
  }
}

function parseSecrets(text: string, file: string): DemoSecrets {
  const { keys, cookiePassword, clientSecret } = JSON.parse(text) as Partial<Record<keyof DemoSecrets, unknown>>
  if (typeof keys !== 'string' || typeof cookiePassword !== 'string' || typeof clientSecret !== 'string') {
    throw new TypeError(
      `Expected ${file} to hold keys, cookiePassword and clientSecret. Put it back, or delete it together with the database.`,
    )
  }
  return { keys, cookiePassword, clientSecret }
}

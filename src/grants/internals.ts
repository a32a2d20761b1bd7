import { ConfigError } from '../model/errors.ts'
import type { Logger } from '../model/logger.ts'
import type { KeyRing } from '../seal/key-ring.ts'
import type { Clock } from '../util/clock.ts'
import { ofAnotherCopy } from '../util/other-copy.ts'
import type { Clients } from './clients.ts'

/** What the layers above need of `Grants` in addition to their methods. Not public. */
export interface GrantsInternals {
  /** Absent: the store ends with the process, and nothing is sealed. */
  readonly keys: KeyRing | undefined
  readonly clock: Required<Clock>
  readonly logger: Logger | undefined
  readonly clients: Pick<Clients, 'fixed' | 'isResolved' | 'isObtainable' | 'maybeFind'>
}

let read: (grants: unknown) => GrantsInternals | undefined = () => undefined

/** Called by the class of grants: sets the function that reads the internals of its objects. */
export function readInternalsBy(reader: (grants: unknown) => GrantsInternals | undefined): void {
  read = reader
}

/** Returns the internals of grants. @throws ConfigError for anything else */
export function internalsOf(grants: unknown): GrantsInternals {
  const internals = read(grants)
  if (internals !== undefined) return internals
  throw new ConfigError(ofAnotherCopy(grants) ?? 'Expected grants to be made with `new Grants(…)`.')
}

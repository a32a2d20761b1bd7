/** Whose grant it is: the application's name of the client, its id of the subject, and, where a subject has several grants at one client, the account. */
export interface GrantKey {
  readonly client: string
  readonly subject: string
  /** @default '' */
  readonly account: string
}

/** The key as one string, without collisions: `a:b` + `c` is not `a` + `b:c`. */
export function encodeKey(key: GrantKey): string {
  return JSON.stringify([key.client, key.subject, key.account])
}

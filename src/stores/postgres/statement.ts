import type { PostgresValue } from './connection.ts'

/** One statement, whose parameters have names. */
export interface Statement<Name extends string> {
  readonly text: string
  readonly bind: (values: Readonly<Record<Name, PostgresValue>>) => PostgresValue[]
}

/** Replaces each `:name` with the number that the server expects, always the same number for the same name. */
export function statement<Name extends string>(sql: string): Statement<Name> {
  const names: Name[] = []
  // Not the second colon of a cast.
  const text = sql.replace(/(?<!:):([a-z_]+)/g, (_written, name: string) => {
    if (!names.includes(name as Name)) names.push(name as Name)
    return `$${names.indexOf(name as Name) + 1}`
  })
  return { text, bind: (values) => names.map((name) => values[name]) }
}

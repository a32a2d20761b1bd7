/** Which store the demo works with, in words that another process understands. */
export type StoreChoice =
  | {
      readonly kind: 'sqlite'
      /** `:memory:` keeps nothing. */
      readonly file: string
    }
  | { readonly kind: 'postgres'; readonly url: string }
  | {
      readonly kind: 'redis'
      readonly url: string
      /** What its keys begin with. @default 'evergrant' */
      readonly prefix?: string | undefined
    }

const kinds = { sqlite: 'SQLite', postgres: 'PostgreSQL', redis: 'Redis' } as const

/** Its kind and where it is; without user and password. */
export function titleOf(choice: StoreChoice): string {
  if (choice.kind === 'sqlite') return `${kinds.sqlite}, ${choice.file}`
  const { host, pathname } = new URL(choice.url)
  return `${kinds[choice.kind]} at ${host}${pathname.length > 1 ? pathname : ''}`
}

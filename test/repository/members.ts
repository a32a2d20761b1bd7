import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { root } from './pages.ts'

/** A member of an interface, with the default that its doc comment states. */
export interface Member {
  readonly name: string
  readonly default: string | undefined
}

export const sourceOf = (file: string): string => readFileSync(join(root, 'src', file), 'utf8')

/** The declaration of a type or interface, from its name to its end. */
function bodyOf(file: string, name: string): string {
  const source = sourceOf(file)
  const start = source.search(new RegExp(`^export (type|interface) ${name}\\b`, 'm'))
  if (start < 0) throw new Error(`${file} declares no ${name}`)
  return source.slice(start).split(/\n\n|\n\}/)[0] ?? ''
}

/** The names of a union of strings. */
export function unionOf(file: string, name: string): string[] {
  return [...bodyOf(file, name).matchAll(/\| '(\w+)'/g)].map((match) => match[1]!)
}

/** The members of an interface, as its source declares them. */
export function membersOf(file: string, name: string): Member[] {
  const members = bodyOf(file, name).matchAll(/(?:^ {2}\/\*\*([\s\S]*?)\*\/\n)?^ {2}(?:readonly )?(\w+)\??:/gm)
  return [...members].map(([, comment = '', member = '']) => ({
    name: member,
    default: /@default ([^*\n]*)/.exec(comment)?.[1]?.trim(),
  }))
}

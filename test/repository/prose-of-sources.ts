import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { root } from './pages.ts'
import { wordingFindings } from './prose.ts'

const COMMENT_COLUMNS = 120

/** The refresh protocol and the store contract define terms of their own. */
const MECHANISM = /^src\/(?:refresh|stores|testing)\//

/** A doc comment begins with what the thing is or does. */
const FIRST_LINE = /^(?!Answers|Tells|Begins a log|Ends a log)[A-Z0-9`'].{9,140}/s

const SOURCES = ['src', 'provider/src'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name).replaceAll('\\', '/')),
)

/** Doc comments without their stars and tags' names. */
function docCommentsOf(text: string): string[] {
  return [...text.matchAll(/\/\*\*([\s\S]*?)\*\//g)].map(([, comment = '']) =>
    comment
      .replace(/^\s*\* ?/gm, '')
      .replace(/```[\s\S]*?```/g, '')
      .replace(/@example[\s\S]*$/, '')
      .trim(),
  )
}

/** Messages that are written where an error is made: a text, or a template whose values are left out. */
function messagesOf(text: string): string[] {
  const made = text.matchAll(
    /new \w*Error\(\s*(?:'[\w-]*',\s*|''\s*,\s*)?(?:'((?:[^'\\\n]|\\.)+)'|"([^"\n]+)"|`((?:[^`\\]|\\.)+)`)/g,
  )
  return [...made].map(([, single, double, template]) =>
    (single ?? double ?? template ?? '').replace(/\$\{[^}]*\}/g, 'CODE'),
  )
}

const plain = (text: string): string => text.replace(/`[^`]*`/g, 'CODE')

/** What the checklist finds in doc comments and literal error messages, each as `file: what`. */
export function sourceFindings(): {
  readonly comments: string[]
  readonly messages: string[]
  readonly columns: string[]
} {
  const comments: string[] = []
  const messages: string[] = []
  const columns: string[] = []
  for (const file of SOURCES) {
    const text = readFileSync(join(root, file), 'utf8')
    for (const comment of docCommentsOf(text)) {
      if (!comment.startsWith('@') && !FIRST_LINE.test(comment))
        comments.push(`${file}: begins: ${comment.slice(0, 60)}`)
      comments.push(
        ...[...wordingFindings(plain(comment), MECHANISM.test(file))].map((finding) => `${file}: ${finding}`),
      )
    }
    for (const message of messagesOf(text)) {
      messages.push(
        ...[...wordingFindings(plain(message), MECHANISM.test(file))].map((finding) => `${file}: ${finding}`),
      )
    }
    for (const [index, line] of text.split('\n').entries())
      if (line.length > COMMENT_COLUMNS && /^\s*(?:\/\/|\/?\*)/.test(line)) columns.push(`${file}:${index + 1}`)
  }
  return { comments, messages, columns }
}

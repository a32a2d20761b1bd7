import { textOf } from './pages.ts'

/** One code block of a page. */
export interface Sample {
  readonly page: string
  /** Line of its fence on the page, from 1. */
  readonly line: number
  readonly language: 'ts' | 'js'
  /** Its code, behind as many empty lines as stand before it on the page: a complaint's line is the page's own. */
  readonly text: string
}

const LANGUAGES: Readonly<Record<string, Sample['language']>> = {
  ts: 'ts',
  typescript: 'ts',
  js: 'js',
  javascript: 'js',
}

/** The JavaScript and TypeScript blocks of a page, each a module of its own. */
export function samplesOf(page: string): Sample[] {
  const samples: Sample[] = []
  let fence: string | undefined
  let block: { readonly line: number; readonly language: Sample['language']; readonly lines: string[] } | undefined
  for (const [index, line] of textOf(page).split('\n').entries()) {
    const [, marks, name = ''] = /^\s*(```+)(\w*)/.exec(line) ?? []
    if (marks !== undefined && fence === undefined) {
      fence = marks
      const language = LANGUAGES[name]
      if (language !== undefined) block = { line: index + 1, language, lines: Array(index + 1).fill('') as string[] }
    } else if (marks !== undefined && marks === fence) {
      if (block !== undefined)
        samples.push({ page, line: block.line, language: block.language, text: block.lines.join('\n') })
      fence = block = undefined
    } else block?.lines.push(line)
  }
  return samples
}

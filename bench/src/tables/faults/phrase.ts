/** A text with numbers in it that may differ from run to run. */
export interface Phrase {
  /** `NUMBER` stands for each number. */
  readonly text: string
  readonly numbers: readonly number[]
}

/** Not in any library's words. */
const NUMBER = '\u0000'

/** Writes a phrase: numbers may differ from run to run, strings and phrases are taken as they are. */
export function phrase(texts: TemplateStringsArray, ...parts: readonly (number | string | Phrase)[]): Phrase {
  const pieces = parts.map(pieceOf)
  return {
    text: texts.map((text, index) => text + (pieces[index]?.text ?? '')).join(''),
    numbers: pieces.flatMap(({ numbers }) => numbers),
  }
}

function pieceOf(part: number | string | Phrase): Phrase {
  if (typeof part === 'number') return { text: NUMBER, numbers: [part] }
  return typeof part === 'string' ? { text: part, numbers: [] } : part
}

/** Phrases one after the other; those that say nothing are left out. */
export function joined(phrases: readonly Phrase[], separator: string): Phrase {
  const said = phrases.filter(({ text }) => text !== '')
  return { text: said.map(({ text }) => text).join(separator), numbers: said.flatMap(({ numbers }) => numbers) }
}

/** What several runs say together: once where they agree, each number with its least and its most; else how many say what. */
export function together(runs: readonly Phrase[]): string {
  const groups = new Map<string, Phrase[]>()
  for (const run of runs) groups.set(run.text, [...(groups.get(run.text) ?? []), run])
  const texts = [...groups].map(([text, members]) => {
    const filled = fill(text, members)
    return groups.size === 1 ? filled : `${members.length} of ${runs.length}: ${filled}`
  })
  return texts.join('; ')
}

function fill(text: string, members: readonly Phrase[]): string {
  const [first = '', ...rest] = text.split(NUMBER)
  return rest.reduce(
    (sum, piece, index) => sum + range(members.map(({ numbers }) => numbers[index] ?? 0)) + piece,
    first,
  )
}

function range(values: readonly number[]): string {
  const least = Math.min(...values)
  const most = Math.max(...values)
  return least === most ? `${least}` : `${least}–${most}`
}

/** Expressions that no page uses, by a short name for the finding. */
const FORBIDDEN: Readonly<Record<string, RegExp>> = {
  answers: /\banswer(s|ed|ing)?\b/gi,
  had: /\b(?:was|were|is|be|been) had\b/gi,
  soLong: /\bso (?:long|many|often|much)\b(?! as\b)/gi,
  told: /\b(?:tells?|told|telling)\b/gi,
  mend: /\bmend(?:s|ed|ing)?\b/gi,
  beside: /\bbesides?\b/gi,
  itself: /\bby (?:itself|themselves)\b/gi,
  nobody: /\b(?:nobody|somebody|whoever|whichever)\b/gi,
  login: /\blog-ins?\b|\bsign-?ins?\b/gi,
  noMore: /\b(?:no more|not any more|any more)\b/gi,
  anew: /\banew\b/gi,
  dead: /\b(?:dead|dies|died|alive)\b/gi,
  verdict: /\bverdicts?\b/gi,
  spent: /\bspent\b/gi,
  underWay: /\bunder way\b|\bat it\b|\b(?:is|still) out\b/gi,
  filler: /\b(?:simply|just|easily|obviously|of course|please|basically)\b/gi,
  vague: /\bgive or take\b|\ball the same\b|\bmeanwhile\b|\bafterwards\b/gi,
  look: /\b(?:a|one|the|last|second|each) looks?\b|\blooks? at\b/gi,
}

/** Terms of the mechanism, which the pages about it may use. */
const TERMS = new Set(['verdict', 'spent'])
const MECHANISM = /^docs\/(?:how\/|refresh\.md|proofs\.md|benchmarks\.md|writing-a-store\.md)/

const LIMITS = {
  sentenceWords: 25,
  colonsAndSemicolons: 1,
  paragraphWords: 75,
  cellWords: 20,
  columns: 4,
  headingWords: 8,
  pageLines: 250,
  linesBeforeCode: 30,
}

/** Pages whose reader wants code at once. */
const GUIDE = /^docs\/(?:guides|recipes|start)\//

/** What follows this line is made by a program. */
const GENERATED = /^<!-- Generated /m

interface Block {
  readonly kind: 'heading' | 'paragraph' | 'row'
  readonly line: number
  readonly text: string
}

const wordsOf = (text: string): number => text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length

const sentencesOf = (text: string): string[] => text.split(/(?<=[.!?])["”)]?\s+(?=[A-Z`(“"*0-9])/)

const cellsOf = (row: string): string[] =>
  row
    .replace(/^\||\|\s*$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim())

/** Prose as it is read: inline code is one word, a link its text, an image its description. */
const plain = (line: string): string =>
  line
    .replace(/(`+)(?:(?!\1)[\s\S])+\1/g, 'CODE')
    .replace(/<!--.*?-->|<\/?a\b[^>]*>/g, '')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')

const isFence = (line: string): boolean => /^\s*(?:>\s*)?```/.test(line)

/** The page's headings, table rows and paragraphs. A list item is a paragraph. */
function blocksOf(lines: readonly string[]): Block[] {
  const blocks: Block[] = []
  let paragraph: { line: number; lines: string[] } | undefined
  let inCode = false
  const end = (): void => {
    if (paragraph !== undefined)
      blocks.push({ kind: 'paragraph', line: paragraph.line, text: plain(paragraph.lines.join(' ')) })
    paragraph = undefined
  }
  for (const [index, raw] of lines.entries()) {
    const line = raw.replace(/^\s*>\s?/, '').trim()
    if (isFence(raw)) {
      end()
      inCode = !inCode
    } else if (inCode || line === '') end()
    else if (/^#{1,6} /.test(line)) {
      end()
      blocks.push({ kind: 'heading', line: index + 1, text: plain(line.replace(/^#+ /, '')) })
    } else if (line.startsWith('|')) {
      end()
      blocks.push({ kind: 'row', line: index + 1, text: plain(line) })
    } else {
      const item = /^(?:[-*]|\d+\.) (.*)/.exec(line)
      if (item !== null) end()
      paragraph ??= { line: index + 1, lines: [] }
      paragraph.lines.push(item?.[1] ?? line)
    }
  }
  end()
  return blocks
}

function* headingFindings(text: string): Generator<string> {
  if (wordsOf(text) > LIMITS.headingWords) yield 'headingWords'
  if (/[.:!]$/.test(text)) yield 'headingEnd'
}

function* sentenceFindings(text: string): Generator<string> {
  for (const sentence of sentencesOf(text)) {
    const words = wordsOf(sentence)
    if (words > LIMITS.sentenceWords) yield `sentenceWords (${words}): ${sentence}`
    const marks = sentence.match(/[:;](?=[\s*]|$)/g)?.length ?? 0
    if (marks > LIMITS.colonsAndSemicolons) yield `colonsAndSemicolons: ${sentence}`
  }
}

function* rowFindings(text: string): Generator<string> {
  const cells = cellsOf(text)
  if (cells.every((cell) => /^:?-+:?$/.test(cell))) {
    if (cells.length > LIMITS.columns) yield `columns (${cells.length})`
    return
  }
  for (const [index, cell] of cells.entries()) {
    if (cell === '' && index > 0) yield 'emptyCell'
    if (wordsOf(cell) > LIMITS.cellWords) yield `cellWords (${wordsOf(cell)}): ${cell}`
    for (const finding of sentenceFindings(cell)) if (finding.startsWith('colons')) yield finding
  }
}

function* paragraphFindings(text: string): Generator<string> {
  if (wordsOf(text) > LIMITS.paragraphWords) yield `paragraphWords (${wordsOf(text)})`
  yield* sentenceFindings(text)
}

/** The expressions of a text that no text of ours uses; `mayUseTerms` where it is about the mechanism. */
export function* wordingFindings(text: string, mayUseTerms: boolean = false): Generator<string> {
  for (const [name, pattern] of Object.entries(FORBIDDEN)) {
    if (mayUseTerms && TERMS.has(name)) continue
    for (const [found] of text.matchAll(pattern)) yield `${name}: ${found}`
  }
}

const OF_KIND = { heading: headingFindings, row: rowFindings, paragraph: paragraphFindings }

function* pageFindings(page: string, lines: readonly string[]): Generator<string> {
  if (lines.length > LIMITS.pageLines) yield `pageLines (${lines.length})`
  if (!/^# .+\n\n[^#|`\n].+/.test(lines.join('\n'))) yield 'firstScreen: a page begins with a title and a sentence'
  const code = lines.findIndex(isFence)
  if (GUIDE.test(page) && (code < 0 || code > LIMITS.linesBeforeCode)) yield 'linesBeforeCode: a guide begins with code'
}

/** What the checklist finds on a page, each as `line: what`. */
export function proseFindings(page: string, text: string): string[] {
  const [written = ''] = text.split(GENERATED)
  const lines = written.trimEnd().split('\n')
  const findings = [...pageFindings(page, lines)].map((finding) => `1: ${finding}`)
  for (const block of blocksOf(lines)) {
    const ofBlock = [...OF_KIND[block.kind](block.text), ...wordingFindings(block.text, MECHANISM.test(page))]
    findings.push(...ofBlock.map((finding) => `${block.line}: ${finding}`))
  }
  for (const [index, line] of lines.entries())
    if (/\[(?:here|this|this page|link)\]\(/i.test(line)) findings.push(`${index + 1}: link without a meaning`)
  return findings
}

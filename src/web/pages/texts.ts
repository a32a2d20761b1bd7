import type { PageAction, PageCode, PageContent, PageRow } from './content.ts'
import { SENTENCES, type PageText } from './sentences.ts'

/** Texts in one language, by the page's code. What is missing is English. */
export interface PageTexts extends Readonly<Partial<Record<PageCode, PageText>>> {
  /** Texts of links, buttons and states by their English text, such as `'Connect {label}'`. */
  readonly words?: Readonly<Record<string, string>>
}

/** The texts of the pages, or a function that chooses them by the request, for several languages. */
export type Texts = PageTexts | ((request: Request) => PageTexts | undefined)

/** What the situation adds to a page's texts. Texts are given in English, with `{label}` for the provider's name. */
export interface PageFacts {
  readonly status: number
  /** The provider's name on pages. */
  readonly label: string
  readonly actions: readonly PageAction[]
  readonly detail?: string | undefined
  /** In each row, `{label}` is the row's own. */
  readonly rows?: readonly PageRow[] | undefined
}

/** Puts a page's content together: the code's sentences and the facts, in the language of the request. */
export function contentOf(code: PageCode, facts: PageFacts, texts: Texts | undefined, request: Request): PageContent {
  return contentIn(typeof texts === 'function' ? texts(request) : texts, code, facts)
}

/** The same in texts of one language. */
export function contentIn(texts: PageTexts | undefined, code: PageCode, facts: PageFacts): PageContent {
  const { text, title } = texts?.[code] ?? SENTENCES[code]
  const { actions, detail, label, rows, status } = facts
  const say = (english: string, name = label): string => fill(texts?.words?.[english] ?? english, name)
  const sayAll = (all: readonly PageAction[], name = label): PageAction[] =>
    all.map((action) => ({ ...action, label: say(action.label, name) }))
  return {
    status,
    code,
    title: fill(title, label),
    text: text.map((paragraph) => fill(paragraph, label)),
    actions: sayAll(actions),
    ...(rows !== undefined && {
      rows: rows.map((row) => ({ ...row, text: say(row.text, row.label), actions: sayAll(row.actions, row.label) })),
    }),
    ...(detail !== undefined && { detail: { label: say('Details'), text: detail } }),
  }
}

const fill = (text: string, label: string): string => text.replaceAll('{label}', () => label)

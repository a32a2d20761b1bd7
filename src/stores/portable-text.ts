/** What a server's text cannot contain: NUL (PostgreSQL) and lone surrogates (UTF-8). The backslash escapes them. */
const FOREIGN = /[\0\\\p{Surrogate}]/gu

const WRITTEN = /\\(\\|u[0-9a-f]{4})/g

/** Whether a text may contain any of them: faster than searching lone ones. */
const SUSPECT = /[\0\\\ud800-\udfff]/

/** Converts the text to characters that every server keeps. Almost always the text itself. */
export function toPortableText(text: string): string {
  if (!SUSPECT.test(text)) return text
  return text.replace(FOREIGN, (character) =>
    character === '\\' ? '\\\\' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Converts back what `toPortableText` returned. */
export function fromPortableText(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(WRITTEN, (_written, what: string) =>
    what === '\\' ? '\\' : String.fromCharCode(Number.parseInt(what.slice(1), 16)),
  )
}

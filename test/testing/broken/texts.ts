import type { Row } from '../../../src/stores/backend.ts'
import { type Mistake, type Mistakes, written } from './mistake.ts'

/** A mistake in how keys are distinguished. */
const keyed = (caseName: string, fold: (key: string) => string): Mistake => [
  caseName,
  (backend) => {
    const shown = (key: string, row: Row | undefined): Row | undefined => row && { ...row, key }
    return {
      read: async (key) => {
        const { now, row } = await backend.read(fold(key))
        return { now, row: shown(key, row) }
      },
      swap: async (key, ...rest) => {
        const answer = await backend.swap(fold(key), ...rest)
        return { ...answer, row: shown(key, answer.row) }
      },
    }
  },
]

/** Mistakes with keys and texts. */
export const textMistakes: Mistakes = {
  'keys without case': keyed('keys are compared by their bytes, so that similar keys are different', (key) =>
    key.toLowerCase(),
  ),
  'keys that are normalized': keyed('keys are compared by their bytes, so that similar keys are different', (key) =>
    key.normalize('NFC'),
  ),
  'keys without spaces at their ends': keyed(
    'keys are compared by their bytes, so that similar keys are different',
    (key) => key.replaceAll(' "', '"'),
  ),
  'keys of at most 255 characters': keyed('keys of 700 bytes are distinguished by their last character', (key) =>
    key.slice(0, 255),
  ),
  'a sealed text of at most 65,535 bytes': written(
    'a sealed text and an entry of 200000 characters read back unchanged',
    (write) => ({ ...write, sealed: write.sealed?.slice(0, 65_535) }),
  ),
  'an entry in a short column': written(
    'a sealed text and an entry of 200000 characters read back unchanged',
    (write) => ({
      ...write,
      entry: write.entry.slice(0, 65_535),
    }),
  ),
  'texts without spaces at their ends': written('sealed texts and entries read back unchanged', (write) => ({
    ...write,
    sealed: write.sealed?.trimEnd(),
  })),
  'texts whose line ends are changed': written('sealed texts and entries read back unchanged', (write) => ({
    ...write,
    sealed: write.sealed?.replaceAll('\r\n', '\n'),
  })),
  'entries that are parsed': written('sealed texts and entries read back unchanged', (write) => ({
    ...write,
    entry: write.entry.replaceAll('\\u0000', ''),
  })),
  'sealed texts in three bytes a character': written('sealed texts and entries read back unchanged', (write) => ({
    ...write,
    sealed: write.sealed?.replaceAll(/[\u{10000}-\u{10ffff}]/gu, '?'),
  })),
}

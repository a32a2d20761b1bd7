import { check, same } from '../contract/stage.ts'
import type { Row } from '../../stores/backend.ts'
import { type Case, entryWith, prefixOf, type Stage } from './stage.ts'

const LONG = 200_000

/** Texts that queries, escapes, encodings and collations are known to change. */
const TEXTS = [
  '',
  ' spaces at both ends  ',
  'quotes " \' ` and \\ backslashes \\\\ \\n',
  'markers $1 ? :a @b %s {} -- ; /* */',
  'escapes \\u0000 \\x00 &amp; %00',
  'lines \n \r\n \r \u2028 and \t \u0001 \u007f',
  '\ufeffé e\u0301 ß \ufffd \u{1f600} \u{10ffff}',
  'null',
]

/** Subjects that a collation may confuse. */
const ALIKE = [
  'a',
  'A',
  'á',
  'a\u0301',
  'Á',
  'ａ',
  'a ',
  ' a',
  'a\\',
  'a"',
  'a\u200b',
  'a\0',
  'ss',
  'ß',
  'ﬁ',
  'fi',
  'i',
  'ı',
  '',
]

/** A grant's key that takes 700 bytes in a URL, the maximum of a store. */
function longestKey(stage: Stage, filling: string, end: string): string {
  const length = (text: string): number => encodeURIComponent(stage.key(text)).length
  let subject = end
  while (length(filling + subject) <= 700) subject = filling + subject
  return stage.key('x'.repeat(700 - length(subject)) + subject)
}

async function allReadBack(stage: Stage, rows: readonly Row[], what: string): Promise<void> {
  for (const row of rows) same(await stage.read(row.key), row, `${what} ${row.key}`)
}

export const textCases: readonly Case[] = [
  [
    'sealed texts and entries read back unchanged',
    async (stage) => {
      let row: Row | undefined
      for (const text of TEXTS) {
        row = await stage.written(stage.key(), { entry: entryWith(text), sealed: text }, row)
        same(await stage.read(stage.key()), row, 'the row')
      }
    },
  ],
  [
    `a sealed text and an entry of ${LONG} characters read back unchanged`,
    async (stage) => {
      const text = 'sealed text \\" '.repeat(LONG / 15)
      const row = await stage.written(stage.key(), { entry: entryWith(text), sealed: text })
      const found = await stage.read(stage.key())
      check(found?.sealed === row.sealed, `Expected a sealed text of ${LONG} characters to read back unchanged.`)
      check(found?.entry === row.entry, `Expected an entry of ${LONG} characters to read back unchanged.`)
    },
  ],
  [
    'keys are compared by their bytes, so that similar keys are different',
    async (stage) => {
      const rows: Row[] = []
      for (const subject of ALIKE) rows.push(await stage.written(stage.key(subject)))
      for (const name of ['a', 'A', 'é', 'e\u0301']) rows.push(await stage.written(stage.documentKey(name)))
      await allReadBack(stage, rows, 'the row under')
      same(await stage.list({}), ALIKE.map((subject) => stage.key(subject)).sort(), 'the list of all of them')
      for (const subject of ALIKE) {
        same(await stage.list({ subject: JSON.stringify(subject) }), [stage.key(subject)], 'the list of one subject')
      }
    },
  ],
  [
    'a prefix is compared by its bytes',
    async (stage) => {
      const clients = ['é', 'É', 'e\u0301', 'e'].map((name) => `${stage.client} ${name}`)
      for (const client of clients) await stage.written(stage.key('a', client))
      for (const client of clients) {
        same(await stage.list({ prefix: prefixOf(client) }), [stage.key('a', client)], `the list of '${client}'`)
      }
    },
  ],
  [
    'keys of 700 bytes are distinguished by their last character',
    async (stage) => {
      const rows: Row[] = []
      for (const filling of ['x', '\u20ac', '\u{1f600}']) {
        for (const end of ['1', '2']) rows.push(await stage.written(longestKey(stage, filling, end)))
      }
      await allReadBack(stage, rows, 'the row under')
      same(await stage.list({}), rows.map(({ key }) => key).sort(), 'the list of all of them')
    },
  ],
]

import { assert, constantFrom, property, record, string } from 'fast-check'
import { expect, test } from 'vitest'

import { encodeKey } from '../../src/model/grant-key.ts'

const part = string({ unit: constantFrom('a', ':', '"', ',', '[', '\\', '\0', '😀', '\ud800') })
const key = record({ client: part, subject: part, account: part })

test('two keys have the same text only if they are equal', () => {
  assert(
    property(key, key, (a, b) => {
      const equal = a.client === b.client && a.subject === b.subject && a.account === b.account
      expect(encodeKey(a) === encodeKey(b)).toBe(equal)
    }),
  )
})

test('the text has only characters that every database accepts', () => {
  expect(encodeKey({ client: 'a:b', subject: '\0\n', account: '' })).toBe('["a:b","\\u0000\\n",""]')
})

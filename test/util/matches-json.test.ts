import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { isJsonPattern, matchesJson } from '../../src/util/matches-json.ts'

test.each([
  [{ a: 1, b: 2 }, { a: 1 }],
  [{ a: { b: [1, { c: 2, d: 3 }] } }, { a: { b: [{ c: 2 }] } }],
  [
    [3, 2, 1],
    [1, 2],
  ],
  [{ a: null }, { a: null }],
  [{ a: [] }, { a: [] }],
  [JSON.parse('{"__proto__":{"a":1}}'), JSON.parse('{"__proto__":{"a":1}}')],
  ['text', 'text'],
])('%j has all of %j', (value, pattern) => {
  expect(matchesJson(value, pattern)).toBe(true)
})

test.each([
  [{ a: '1' }, { a: 1 }],
  [{ a: 0 }, { a: false }],
  [{}, { a: null }],
  [{ a: [1] }, { a: { 0: 1 } }],
  [{ a: { 0: 1 } }, { a: [1] }],
  [{ a: 'xy' }, { a: { length: 2 } }],
  [{}, { constructor: {} }],
  [{}, { toString: {} }],
  [null, {}],
  [[{ a: 1 }], { a: 1 }],
  [{ a: [1] }, { a: [1, 2] }],
])('%j has not all of %j', (value, pattern) => {
  expect(matchesJson(value, pattern)).toBe(false)
})

test('a pattern is plain JSON, of any realm', () => {
  for (const good of [{}, { a: [1, null, { b: 'x' }] }, runInNewContext('({ a: [1] })'), Object.create(null)])
    expect(isJsonPattern(good)).toBe(true)
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  for (const bad of [
    undefined,
    { a: undefined },
    [undefined],
    /x/,
    new Date(0),
    new Map(),
    () => 1,
    1n,
    Number.NaN,
    Symbol('x'),
    circular,
  ])
    expect(isJsonPattern(bad)).toBe(false)
})

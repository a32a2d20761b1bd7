import { describe, expect, test } from 'vitest'
import { parseBody, parseJson } from '../../src/model/answer/body.ts'
import { isCopyable, jsonCopy } from '../../src/model/answer/copy.ts'

describe('numbers in JSON', () => {
  test.each([
    // A double represents these exactly.
    ['0', 0],
    ['-0', -0],
    ['3600', 3600],
    ['-12.5', -12.5],
    ['1e3', 1000],
    ['0.1', 0.1],
    ['1.10', 1.1],
    ['9007199254740991', 9_007_199_254_740_991],
    ['-9007199254740991', -9_007_199_254_740_991],
    ['1E+300', 1e300],
    ['123456789.0000000', 123_456_789],
    // A double does not represent these.
    ['9007199254740993', '9007199254740993'],
    ['17841405793187219', '17841405793187219'],
    ['17841405793187218', '17841405793187218'],
    ['-17841405793187219', '-17841405793187219'],
    ['1152921504606846976', '1152921504606846976'],
    ['12345678901234567890123', '12345678901234567890123'],
    ['3.14159265358979323846', '3.14159265358979323846'],
    ['1234567890.12345678', '1234567890.12345678'],
    ['1e400', '1e400'],
    ['-1.5E+999', '-1.5E+999'],
    ['1e-400', '1e-400'],
  ])('%s is %j, wherever it stands', (digits, value) => {
    expect(parseJson(digits)).toBe(value)
    expect(parseJson(`{"a":${digits},"b":[${digits}, {"c":${digits}}]}`)).toEqual({
      a: value,
      b: [value, { c: value }],
    })
    expect(parseJson(` [ 1 ,\n${digits}\t] `)).toEqual([1, value])
  })

  test('in strings and names stay unchanged', () => {
    const text = String.raw`{"17841405793187219":"17841405793187219","a\"17841405793187219":"\\","b":"x\"17841405793187219\\","c":17841405793187219}`
    expect(parseJson(text)).toEqual({ ...(JSON.parse(text) as object), c: '17841405793187219' })
  })

  test('of any length are parsed in linear time', () => {
    const long = `0.1${'0'.repeat(900_000)}1`
    expect(parseJson(`[${long}]`)).toEqual([long])
    expect(parseJson(`[${'9'.repeat(900_000)}]`)).toEqual(['9'.repeat(900_000)])
    expect(parseJson(JSON.stringify(['\\"'.repeat(200_000), 1e20]))).toHaveLength(2)
  })

  test('do not turn invalid JSON into JSON', () => {
    for (const text of ['01784140579318721', '{"a":17841405793187219', '17841405793187219x', '"17841405793187219'])
      expect(() => parseJson(text)).toThrow(SyntaxError)
  })
})

test('a body is an object, the object in a list, or a form', () => {
  expect(parseBody('{"a":1}')).toEqual({ a: 1 })
  expect(parseBody('[{"a":1}]')).toEqual({ a: 1 })
  expect(parseBody('[1,{"a":1}]')).toEqual({ items: [1, { a: 1 }] })
  expect(parseBody('refresh_token=r2&x=1')).toEqual({ refresh_token: 'r2', x: '1' })
  for (const text of ['', 'null', '1', '"x"', '[]', '[1]', 'a=b', '{"a":']) expect(parseBody(text)).toBeUndefined()
  expect(Object.getPrototypeOf(parseBody('{"a":1}'))).toBe(null)
})

test('what is too deep, circular, endless or no JSON is not copied; everything else is', () => {
  const deep = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`)
  const circular: unknown[] = []
  circular.push([circular])
  let doubling: unknown = []
  for (let level = 0; level < 60; level += 1) doubling = [doubling, doubling]
  for (const value of [deep(101), deep(50_000), circular, doubling]) {
    expect(isCopyable(value)).toBe(false)
    expect(jsonCopy(value)).toBeUndefined()
  }
  const throwing = {
    get member() {
      throw new Error('no')
    },
  }
  for (const value of [1n, { a: [1n] }, () => 1, undefined, throwing]) expect(jsonCopy(value)).toBeUndefined()
  for (const value of [deep(100), { a: [1, null, 'x', true] }, 'text', null]) expect(jsonCopy(value)).toEqual(value)
  expect(jsonCopy(new Date(0))).toBe('1970-01-01T00:00:00.000Z')
})

import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Planted } from './planted.ts'
import { viewsOf } from './views.ts'

const SECRET = 'planted secret: ~%+/&="x'

test.for<[form: string, text: (secret: string) => string]>([
  ['itself', (secret) => secret],
  ['a part', (secret) => secret.slice(3, 20)],
  ['percent-encoded', (secret) => encodeURIComponent(secret)],
  ['form-encoded', (secret) => new URLSearchParams({ a: secret, b: '1' }).toString()],
  ['in JSON', (secret) => JSON.stringify({ a: secret })],
  ['in hexadecimal', (secret) => Buffer.from(secret).toString('hex')],
  ['in base64', (secret) => Buffer.from(secret).toString('base64')],
  ['in base64url', (secret) => Buffer.from(secret).toString('base64url')],
  ['in base64 behind one byte', (secret) => Buffer.from(`:${secret}`).toString('base64')],
  ['in base64 behind two bytes', (secret) => Buffer.from(`a:${secret}!`).toString('base64')],
  ['in a basic header', (secret) => Buffer.from(`client:${encodeURIComponent(secret)}`).toString('base64')],
])('a secret is found %s', ([, text]) => {
  const planted = new Planted()
  planted.add('the secret', SECRET)
  expect(planted.leaksIn(`before ${text(SECRET)} after`)).toHaveLength(1)
  expect(planted.leaksIn(`before ${text('something else entirely, as long')} after`)).toEqual([])
})

test('a secret is found in every part of an error, except where an error is documented to carry it', () => {
  const planted = new Planted()
  planted.add('the secret', SECRET)
  const hidden = (name: string | symbol): Error => {
    const error = new Error('no')
    Object.defineProperty(error, name, { value: SECRET, enumerable: false })
    return error
  }
  const leaky: unknown[] = [
    new Error(`no ${SECRET}`),
    new Error('no', { cause: new Error('no', { cause: SECRET }) }),
    new AggregateError([new Error('no'), new Error(SECRET)]),
    Object.assign(new Error('no'), { request: { headers: { authorization: SECRET } } }),
    hidden('response'),
    hidden(Symbol('response')),
    { deep: { map: new Map([[1, [SECRET]]]) } },
    Object.assign(new Error('no'), { token: SECRET }),
  ]
  for (const value of leaky)
    expect(
      viewsOf(value).flatMap((view) => planted.leaksIn(view)),
      inspect(value),
    ).not.toEqual([])
  const silent = Object.defineProperty(new Error('no'), 'token', {
    value: { toJSON: () => SECRET, [inspect.custom]: () => 'Token' },
  })
  expect(viewsOf(silent).flatMap((view) => planted.leaksIn(view))).toEqual([])
})

import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { isLogger, redactingLogger, type Logger } from '../../src/model/logger.ts'
import { Secrets } from '../../src/util/redact.ts'

const secret = 'pä$$ "w+rd/=~'

describe('redact', () => {
  test('masks a secret in every form in which it may appear', () => {
    const secrets = new Secrets().add(secret)
    const utf8 = Buffer.from(secret)
    const forms = [
      secret,
      encodeURIComponent(secret),
      String(new URLSearchParams({ a: secret })).slice(2),
      JSON.stringify(secret).slice(1, -1),
      utf8.toString('base64'),
      utf8.toString('base64').replaceAll('=', ''),
      utf8.toString('base64url'),
    ]
    for (const form of forms) {
      const text = secrets.redact(`before ${form} after`)
      expect(text).toMatch(/^before \[redacted\]=* after$/)
    }
  })

  test('leaves other text and very short values unchanged', () => {
    const secrets = new Secrets().add('abc', '', undefined, 'long-enough')
    expect(secrets.redact('abc long enough')).toBe('abc long enough')
    expect(secrets.redact('long-enough')).toBe('[redacted]')
  })

  test('masks the whole longer secret if a shorter one is its beginning', () => {
    for (const values of [
      ['token', 'token-and-more'],
      ['token-and-more', 'token'],
    ]) {
      expect(new Secrets().add(...values).redact('token-and-more token')).toBe('[redacted] [redacted]')
    }
  })

  test('knows its parent’s secrets, also those added later', () => {
    const parent = new Secrets()
    const child = new Secrets(parent).add('of-child')
    parent.add('of-parent')
    expect(child.redact('of-child of-parent')).toBe('[redacted] [redacted]')
    expect(parent.redact('of-child of-parent')).toBe('of-child [redacted]')
  })

  test('forgets the oldest when there are very many', () => {
    const secrets = new Secrets()
    for (let i = 0; i < 201; i += 1) secrets.add(`secret-number-${i}-`)
    expect(secrets.redact('secret-number-0- secret-number-1- secret-number-200-')).toBe(
      'secret-number-0- [redacted] [redacted]',
    )
  })

  test('accepts a text that is not valid Unicode', () => {
    expect(new Secrets().add('lone\ud800half').redact('a lone\ud800half b')).toBe('a [redacted] b')
  })

  test('shows none of its secrets', () => {
    expect(inspect(new Secrets().add('long-enough'), { showHidden: true, depth: null })).not.toContain('long-enough')
  })
})

describe('cause', () => {
  const secrets = new Secrets().add('long-enough')

  test('rebuilds an error with its causes, redacted, and nothing else on it', () => {
    const inner = Object.assign(new RangeError('inner long-enough'), {
      code: 'E_long-enough',
      body: { token: 'long-enough' },
    })
    const outer = Object.assign(new TypeError('outer long-enough', { cause: inner }), {
      response: { body: 'long-enough' },
      code: 7,
    })
    const copy = secrets.cause(outer)!
    expect(copy).not.toBe(outer)
    expect(copy).toMatchObject({ name: 'TypeError', message: 'outer [redacted]', code: 7 })
    expect(copy.cause).toMatchObject({ name: 'RangeError', message: 'inner [redacted]', code: 'E_[redacted]' })
    expect(copy).not.toHaveProperty('response')
    expect(copy.cause).not.toHaveProperty('body')
    expect(copy.stack).toContain('redact.test.ts')
    expect(inspect(copy, { depth: null, showHidden: true })).not.toContain('long-enough')
  })

  test('rebuilds the errors of an AggregateError', () => {
    const copy = secrets.cause(
      new AggregateError([new Error('a long-enough'), 'long-enough', 5], 'all', { cause: new Error('why') }),
    )
    expect(copy).toBeInstanceOf(AggregateError)
    expect((copy as AggregateError).errors.map((each: Error) => each.message)).toEqual(['a [redacted]', '[redacted]'])
    expect((copy!.cause as Error).message).toBe('why')
  })

  test('ends on an endless chain of causes', () => {
    const error = new Error('round')
    error.cause = error
    const text = inspect(secrets.cause(error), { depth: null })
    expect(text.match(/Error: round/g)!.length).toBeLessThan(10)
  })

  test('is undefined for a value that is no error, and uses the copy’s stack for an error without one', () => {
    for (const value of [undefined, null, 5, { token: 'long-enough' }]) expect(secrets.cause(value)).toBeUndefined()
    const error = new Error('x')
    delete error.stack
    expect(secrets.cause(error)!.message).toBe('x')
  })
})

describe('log fields', () => {
  test('are copied with every string in them redacted', () => {
    const secrets = new Secrets().add('long-enough')
    const date = new Date(0)
    const fields = {
      text: 'a long-enough b',
      url: new URL('https://as.example/?token=long-enough'),
      error: new Error('long-enough'),
      list: ['long-enough', 1, null, undefined, true],
      'long-enough': { nested: 'long-enough' },
      call: () => 'long-enough',
      date,
    }
    const copy = secrets.fields(fields)
    expect(copy).toMatchObject({
      text: 'a [redacted] b',
      url: 'https://as.example/?token=[redacted]',
      list: ['[redacted]', 1, null, undefined, true],
      '[redacted]': { nested: '[redacted]' },
      call: undefined,
      date,
    })
    expect((copy['error'] as Error).message).toBe('[redacted]')
    expect(fields.text).toBe('a long-enough b')
  })

  test('end if they are nested without end', () => {
    const round: Record<string, unknown> = {}
    round['again'] = round
    expect(JSON.stringify(new Secrets().fields(round))).toContain('[…]')
  })
})

describe('a redacting logger', () => {
  const secrets = new Secrets().add('long-enough')
  const spy = () => ({
    debug: vi.fn<Logger['debug']>(),
    info: vi.fn<Logger['info']>(),
    warn: vi.fn<Logger['warn']>(),
    error: vi.fn<Logger['error']>(),
  })

  test('passes messages and fields on, redacted, at their level', () => {
    const logger = spy()
    const wrapped = redactingLogger(logger, secrets)
    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      wrapped[level]('a long-enough', { token: 'long-enough' })
      wrapped[level]('alone')
      expect(logger[level].mock.calls).toEqual([['a [redacted]', { token: '[redacted]' }], ['alone']])
    }
  })

  test('gives pino its fields first, because it would drop them', () => {
    const logger = Object.assign(spy(), { bindings: () => ({}) })
    const wrapped = redactingLogger(logger, secrets)
    wrapped.info('a long-enough', { token: 'long-enough' })
    wrapped.info('alone')
    expect(logger.info.mock.calls).toEqual([[{ token: '[redacted]' }, 'a [redacted]'], ['alone']])
  })

  test('calls the logger’s own methods on it', () => {
    class Recorder {
      readonly lines: string[] = []
      debug(): void {}
      info(message: string): void {
        this.lines.push(message)
      }
      warn(): void {}
      error(): void {}
    }
    const recorder = new Recorder()
    redactingLogger(recorder, secrets).info('hello')
    expect(recorder.lines).toEqual(['hello'])
  })

  test('never throws', () => {
    const logger = spy()
    logger.warn.mockImplementation(() => {
      throw new Error('disk full')
    })
    expect(() => redactingLogger(logger, secrets).warn('x')).not.toThrow()
  })

  test('is made of anything with the four methods: console is one', () => {
    expect(isLogger(console)).toBe(true)
    for (const value of [undefined, null, {}, { debug() {}, info() {}, warn() {} }, 'console'])
      expect(isLogger(value)).toBe(false)
  })
})

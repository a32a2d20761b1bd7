import { expect, test, vi } from 'vitest'

import { deferred, nextTurn } from '../../src/util/async.ts'
import { lazy, loadAhead, loadParts } from '../../src/util/lazy.ts'

test('a part is loaded at its first use, and is returned without a promise from then on', async () => {
  const load = vi.fn(async () => ({ name: 'part' }))
  const part = lazy(load)
  expect(load).not.toHaveBeenCalled()
  const loaded = await part()
  expect(loaded).toEqual({ name: 'part' })
  expect(part()).toBe(loaded)
  expect(load).toHaveBeenCalledTimes(1)
})

test('a load that failed, or that never ends, holds no later caller up', async () => {
  const load = vi
    .fn<() => Promise<string>>()
    .mockReturnValueOnce(new Promise(() => undefined))
    .mockRejectedValueOnce(new Error('too many open files'))
    .mockResolvedValueOnce('part')
  const part = lazy(load)
  void part()
  await expect(part()).rejects.toThrow('too many open files')
  expect(await part()).toBe('part')
  expect(load).toHaveBeenCalledTimes(3)
})

test('all parts are loaded together, with those that a part brings', async () => {
  const inner = vi.fn(async () => 'inner')
  const outer = vi.fn(async () => {
    await nextTurn()
    return lazy(inner)
  })
  const part = lazy(outer)
  await loadParts()
  expect(part()).toBeTypeOf('function')
  expect(inner).toHaveBeenCalledTimes(1)
})

test('a part that cannot be loaded ahead disturbs nobody, and is loaded again at its use', async () => {
  const failed = deferred()
  const load = vi
    .fn<() => Promise<string>>()
    .mockImplementationOnce(async () => {
      failed.resolve()
      throw new Error('too many open files')
    })
    .mockResolvedValue('part')
  const part = lazy(load)
  const unhandled = vi.fn()
  process.once('unhandledRejection', unhandled)
  loadAhead()
  await failed.promise
  await nextTurn()
  await nextTurn()
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
  expect(await part()).toBe('part')
})

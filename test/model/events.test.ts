import { expect, test } from 'vitest'

import { Emitter } from '../../src/model/events.ts'

const key = { client: 'c', subject: 's', account: '' }

test('a listener gets its kind of event until it is removed', () => {
  const emitter = new Emitter()
  const heard: unknown[] = []
  const off = emitter.on('disconnected', (event) => void heard.push(event))
  emitter.on('save_delayed', () => void heard.push('other'))
  emitter.emit('disconnected', { key, at: 1 })
  off()
  emitter.emit('disconnected', { key, at: 2 })
  expect(heard).toEqual([{ key, at: 1 }])
})

test('an event without listeners has no effect', () => {
  new Emitter().emit('disconnected', { key, at: 1 })
})

test('a listener that throws or rejects does not affect the others', async () => {
  const emitter = new Emitter()
  const heard: number[] = []
  emitter.on('disconnected', () => {
    throw new Error('first')
  })
  emitter.on('disconnected', () => Promise.reject(new Error('second')))
  emitter.on('disconnected', ({ at }) => void heard.push(at))
  emitter.emit('disconnected', { key, at: 1 })
  // An unhandled rejection would fail the run.
  await new Promise((resolve) => setImmediate(resolve))
  expect(heard).toEqual([1])
})

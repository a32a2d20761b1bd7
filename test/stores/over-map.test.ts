import { describe, test } from 'vitest'

import { storeOver } from '../../src/stores/index.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { MapBackend } from './map-backend.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory } from './steps.ts'

const open = (now: () => number) => storeOver(new MapBackend(now), { clock: { now } })

test('memory and a store over a Map give the same answers to whatever comes', () => answersLikeMemory(open, 300))

test('and to claims at the edges of their times', () => claimsAtTheEdgesLikeMemory(open))

describe('the store contract: over a Map, fake time', () => {
  const clock = fakeClock()
  const create = () => storeOver(new MapBackend(clock.now), { clock })
  for (const { name, run } of storeContract({ create, clock })) test(name, run)
})

describe('the store contract: over a Map, real time', () => {
  for (const { name, run } of storeContract({ create: () => storeOver(new MapBackend()) })) test(name, run)
})

import { randomBytes } from 'node:crypto'

import { Redis } from 'ioredis'
import { afterAll, describe, test } from 'vitest'

import { type IoredisClient, redisStore } from '../../src/stores/redis/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { redis } from '../servers/index.ts'
import { removeKeys } from '../servers/remove-keys.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory, tombstoneEndsAfterADay } from './steps.ts'

const url = await redis()

describe.skipIf(url === undefined)('with a clock of the test', () => {
  const prefix = `evergrant-test-${randomBytes(6).toString('hex')}`
  const client = new Redis(url!)

  afterAll(async () => {
    await removeKeys(client, prefix)
    client.disconnect()
  })

  /** A client whose server's clock shows another time. */
  const at = (now: () => number): IoredisClient => ({
    evalsha: () => Promise.reject(new Error('NOSCRIPT')),
    eval: (text, count, ...rest) => {
      const time = `{${Math.floor(now() / 1000)}, ${(now() % 1000) * 1000}}`
      return client.eval(text.replace("redis.call('TIME')", time), count, ...rest)
    },
  })

  let runs = 0
  const open = (now: () => number): GrantStore => redisStore(at(now), { prefix: `${prefix}-${(runs += 1)}` })

  test('memory and Redis give the same answers to whatever comes', () => answersLikeMemory(open, 60))

  test('and to claims at the edges of their times', () => claimsAtTheEdgesLikeMemory(open))

  describe('the store contract', () => {
    const clock = fakeClock()
    const create = () => redisStore(at(clock.now), { prefix })
    for (const { name, run } of storeContract({ create, clock })) test(name, run)

    test('and a tombstone ends after a day', () => tombstoneEndsAfterADay(create(), clock))
  })
})

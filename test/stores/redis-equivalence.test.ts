import { describe, test } from 'vitest'

import type { Clock } from '../../src/util/clock.ts'
import { RedisBackend } from '../../src/stores/redis/backend.ts'
import { Connection, type IoredisClient } from '../../src/stores/redis/connection.ts'
import { Keys } from '../../src/stores/redis/keys.ts'
import { storeOver } from '../../src/stores/store-over.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { redis } from '../servers/index.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory, tombstoneEndsAfterADay } from './steps.ts'
import { inRedis } from './fixtures/redis.ts'

const url = await redis()

describe.skipIf(url === undefined)('the Redis store with a clock of the test', () => {
  const { prefix, client, newPrefix } = inRedis(url)

  /** A client whose server's clock shows another time. */
  const at = (now: () => number): IoredisClient => ({
    evalsha: () => Promise.reject(new Error('NOSCRIPT')),
    eval: (text, count, ...rest) => {
      const own = text.replace("redis.call('TIME')", 'cjson.decode(table.remove(ARGV))')
      const time = JSON.stringify([Math.floor(now() / 1000), (now() % 1000) * 1000])
      return client.eval(own, count, ...rest, ...(own === text ? [] : [time]))
    },
  })

  const storeAt = (clock: Clock, named: string): GrantStore => {
    const keys = new Keys(named)
    return storeOver(new RedisBackend(new Connection(at(clock.now), keys.whole('version')), keys), { clock })
  }

  const open = (now: () => number): GrantStore => storeAt({ now }, newPrefix())

  test(
    'the Redis store and the memory store return the same for any operations',
    () => answersLikeMemory(open, 60),
    180_000,
  )

  test('the Redis store and the memory store return the same for claims at the edges of their times', () =>
    claimsAtTheEdgesLikeMemory(open))

  describe('keeps the store contract', () => {
    const clock = fakeClock()
    const create = () => storeAt(clock, prefix)
    for (const { name, run } of storeContract({ create, clock })) test(name, run)

    test('a tombstone ends after a day', () => tombstoneEndsAfterADay(create(), clock))
  })
})

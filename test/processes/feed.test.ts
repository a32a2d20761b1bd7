import { describe, expect, test } from 'vitest'

import { feed } from './feed.ts'
import { kinds, withPlace } from './places.ts'

describe.each(kinds)('writers are killed at random moments while the feed is read (%s)', (kind) => {
  test(
    'two readers miss no change and see none twice, and no version is without its change',
    { timeout: 120_000 },
    async () => {
      const report = await withPlace(kind, (place) => feed({ place, kills: 6 }))
      expect(report.wrong).toEqual([])
      expect(Math.min(...report.read)).toBeGreaterThan(50)
    },
  )
})

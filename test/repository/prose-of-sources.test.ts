import { expect, test } from 'vitest'

import { sourceFindings } from './prose-of-sources.ts'

const found = sourceFindings()

test.each(['comments', 'messages', 'columns'] as const)('the %s of the sources read as the checklist asks', (kind) => {
  expect(found[kind]).toEqual([])
})

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { expect, test } from 'vitest'

import { diskFolder, durableCommits } from '../src/harness/disk.ts'

test('each durable commit is one row in the file, and a folder is gone when it is removed', async () => {
  const folder = await diskFolder()
  const file = join(folder.path, 'rows.db')
  expect(await durableCommits(file, 3)).toMatchObject({ calls: 3 })
  const database = new DatabaseSync(file)
  expect(database.prepare('SELECT count(*) AS n FROM rows').get()).toEqual({ n: 3 })
  database.close()
  await folder.remove()
  expect(existsSync(folder.path)).toBe(false)
})

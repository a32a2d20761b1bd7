import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

import { expect } from 'vitest'

import type { GrantStore } from '../../src/stores/store.ts'

/** Where the processes of a storm find their store. */
export type Place =
  | { readonly kind: 'mysql'; readonly url: string; readonly table: string }
  | { readonly kind: 'dynamodb'; readonly endpoint: string; readonly table: string }

const PROCESSES = 4

/** Four processes claim and commit the versions of one grant. Fails unless each version has one winner. */
export async function stormOfProcesses(place: Place, store: GrantStore, versions: number): Promise<void> {
  const program = join(import.meta.dirname, 'storm-process.ts')
  const processes: ChildProcess[] = []
  try {
    for (let index = 0; index < PROCESSES; index += 1) {
      processes.push(fork(program, [JSON.stringify(place), `${index}`, `${versions}`], { execArgv: [] }))
    }
    await Promise.all(processes.map((child) => once(child, 'message')))
    const reports = processes.map(
      async (child) => (await once(child, 'message'))[0] as { won: number[]; error?: string },
    )
    for (const child of processes) child.send('go')
    const found = await Promise.all(reports)
    expect(found.map(({ error }) => error)).toEqual(found.map(() => undefined))
    const won = found.flatMap((report) => report.won).sort((a, b) => a - b)
    expect(won).toEqual(Array.from({ length: versions - 1 }, (_, index) => index + 1))
    const { record } = await store.read({ client: 'storm', subject: 's', account: '' })
    expect([record?.version, record?.lease]).toEqual([versions, undefined])
  } finally {
    for (const child of processes) child.kill('SIGKILL')
  }
}

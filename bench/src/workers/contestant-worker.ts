/** A process that holds one grant by the means of one library, told by its parent over file descriptor 3. */
import { Socket } from 'node:net'
import { createInterface } from 'node:readline'

import { RIVALS } from '../rivals/index.ts'
import type { Holder } from '../rivals/rival.ts'
import { ask } from './ask.ts'
import type { Answers, OrderName, Orders, Reply, Request } from './protocol.ts'
import { storm } from './storm.ts'

let holder: Holder | undefined

function held(): Holder {
  if (holder === undefined) throw new Error('Expected the order to open first.')
  return holder
}

const handlers: { readonly [Name in OrderName]: (order: Orders[Name]) => Promise<Answers[Name]> } = {
  open: async ({ keeping, rival, seed, server, waits }) => {
    await holder?.close?.()
    const open = await RIVALS[rival].load?.()
    if (open === undefined) throw new Error(`Expected a library for Node.js, got ${rival}.`)
    holder = await open(server, keeping, seed, waits)
    return null
  },
  storm: (order) => storm(held(), order),
  ask: (order) => ask(held(), order),
  told: async () => held().told?.() ?? [],
  save: async (token) => {
    await held().save(token)
    return null
  },
  setSaving: async ({ works }) => {
    held().setSaving(works)
    return null
  },
  close: async () => {
    await holder?.close?.()
    holder = undefined
    return null
  },
}

const parent = new Socket({ fd: 3, readable: true, writable: true })
const reply = (answer: Reply): boolean => parent.write(`${JSON.stringify(answer)}\n`)

async function handle({ id, name, order }: Request): Promise<void> {
  try {
    const handler = handlers[name] as (order: unknown) => Promise<unknown>
    reply({ id, value: await handler(order) })
  } catch (error) {
    reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

createInterface({ input: parent }).on('line', (line) => void handle(JSON.parse(line) as Request))
parent.once('close', () => process.exit(0))

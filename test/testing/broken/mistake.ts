import type { Backend, Found, Write } from '../../../src/stores/backend.ts'
import type { FakeClock } from '../../../src/testing/index.ts'
import type { FullBackend } from '../full-backend.ts'

/** A mistake: the case that must fail, and members to put in place of the intact ones. */
export type Mistake = readonly [caseName: string, spoil: (backend: FullBackend, clock: FakeClock) => Partial<Backend>]

export type Mistakes = Readonly<Record<string, Mistake>>

type Swap = (
  key: string,
  from: string | undefined,
  to: string,
  write: Write,
) => Promise<Found & { readonly swapped: boolean }>

/** A mistake in what a swap is asked for. */
export const asked = (
  caseName: string,
  change: (backend: FullBackend, args: Parameters<Swap>) => Parameters<Swap>,
): Mistake => [caseName, (backend) => ({ swap: (...args) => backend.swap(...change(backend, args)) })]

/** A mistake in the swap's write. */
export const written = (
  caseName: string,
  change: (write: Write, backend: FullBackend, key: string) => Write,
): Mistake => asked(caseName, (backend, [key, from, to, write]) => [key, from, to, change(write, backend, key)])

export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() * 4))

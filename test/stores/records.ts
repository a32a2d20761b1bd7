/** What the tests of the stores write: one grant, under as many keys as a test needs. */
import type { NewGrant } from '../../src/stores/store.ts'

export const key = { client: 'c', subject: 's', account: '' }

export const keyOf = (subject: string): typeof key => ({ ...key, subject })

/** What a commit of new tokens has. */
export const content = { state: 'active', sealed: 'x', renewable: true } as const

export const grant: NewGrant = { id: '1', schema: 1, issuer: 'i', clientId: 'c', ...content }

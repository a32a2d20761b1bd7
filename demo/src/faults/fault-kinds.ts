import type { Fault } from '@evergrant/provider'

/** The faults that have a switch. */
export type SwitchKind = 'unavailable' | 'hang' | 'answer_lost' | 'rate_limited'

export interface FaultSwitch {
  readonly kind: SwitchKind
  readonly label: string
  /** What the provider does while it is on. */
  readonly text: string
  readonly fault: Fault
}

export const faultSwitches: readonly FaultSwitch[] = [
  {
    kind: 'unavailable',
    label: '503',
    text: 'Every refresh is answered with “Service Unavailable”.',
    fault: { kind: 'server_error', status: 503 },
  },
  {
    kind: 'hang',
    label: 'Hang',
    text: 'The connection stays open and nothing ever comes.',
    fault: { kind: 'hang' },
  },
  {
    kind: 'answer_lost',
    label: 'Answer lost',
    text: 'The refresh token is replaced, and the new one is lost on its way. Served while the token lasts; then a strict provider ends such a grant, whoever asks.',
    fault: { kind: 'drop_after' },
  },
  {
    kind: 'rate_limited',
    label: 'Rate limit',
    text: '429, with the wish not to come back for three seconds.',
    fault: { kind: 'rate_limited', retryAfter: 3 },
  },
]

/** Finds a switch by its name. */
export function switchNamed(kind: string): FaultSwitch | undefined {
  return faultSwitches.find((each) => each.kind === kind)
}

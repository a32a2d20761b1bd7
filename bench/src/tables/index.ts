import type { Bench } from '../harness/table.ts'
import { faults } from './faults/faults.ts'
import { keepFresh } from './keep-fresh.ts'
import { refresh, refreshNetwork } from './refresh.ts'
import { rejected } from './rejected.ts'
import { request, requestUndici } from './request.ts'
import { scale } from './scale.ts'
import { seal } from './seal.ts'
import { start } from './start.ts'
import { stormProcesses } from './storm-processes.ts'
import { storm } from './storm.ts'
import { token } from './token.ts'

/** All tables, in the order of the page. */
export const BENCHES: readonly Bench[] = [
  request,
  requestUndici,
  token,
  storm,
  stormProcesses,
  rejected,
  refresh,
  refreshNetwork,
  keepFresh,
  scale,
  seal,
  start,
  faults,
]

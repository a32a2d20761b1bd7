import { expect, test } from 'vitest'
import { WIDE, type Scenario } from './scenario.ts'
import { simulate } from './simulate.ts'

const scenario: Scenario = {
  seed: 0,
  mode: 'strict',
  declared: false,
  processes: 2,
  workers: 0,
  timing: 'default',
  background: 'detached',
  skews: [],
  sleeps: false,
  bounded: true,
  whole: false,
  acts: [],
  faults: [],
}

/** Scenarios that broke an invariant once. */
const CASES: Readonly<Record<string, Partial<Scenario>>> = {
  "a log-in in a process whose clock is off is stored with its expiry in the store's time (I3)": {
    mode: 'grace-last',
    skews: [11_162, 0, 0, 0],
    acts: [{ kind: 'crash', at: 0, process: 0, ms: 1 }],
  },
  'an answer of the store that was slow does not shift the expiry (I3)': {
    seed: 1155,
    processes: 3,
    timing: 'short',
    acts: [
      { kind: 'token', at: 0, process: 0, ms: 1 },
      { kind: 'crash', at: 62_348, process: 0, ms: 1 },
    ],
    faults: [{ point: 'request', nth: 1, fault: 'vanished' }],
  },
  'nor does the first answer that a process gets, where its clock is off too (I3)': {
    seed: 9,
    mode: 'grace-same',
    processes: 4,
    timing: 'settling',
    skews: [4_170_878, -4_962_644, -3_043_090, 7_068_494],
    acts: [
      { kind: 'log-in', at: 125_774, process: 0, ms: 12_869 },
      { kind: 'disconnect', at: 139_195, process: 1, ms: 2 },
      { kind: 'end-at-provider', at: 8, process: 0, ms: 1678 },
    ],
    faults: [
      { point: 'put', nth: 2, fault: 'fail-before' },
      { point: 'request', nth: 0, fault: 'pause' },
      { point: 'release', nth: 4, fault: 'hang-after' },
      { point: 'read', nth: 2, fault: 'pause' },
    ],
  },
  "a due grant that a worker brings is read in the store's time, though its keeper has asked the store nothing (I3)": {
    seed: 1001,
    mode: 'grace-last',
    declared: true,
    workers: 2,
    background: 'none',
    skews: [-2_691_761, -4_453_934, -7_059_628, 1_823_524],
    acts: [
      { kind: 'end-at-provider', at: 148_201, process: 3, ms: 518 },
      { kind: 'refresh', at: 19_347, process: 0, ms: 1262 },
      { kind: 'validity', at: 28_469, process: 1, ms: 19_223 },
      { kind: 'provider-down', at: 1675, process: 0, ms: 19_595 },
      { kind: 'token', at: 125_493, process: 3, ms: 9351 },
      { kind: 'rejected', at: 48_939, process: 1, ms: 8363 },
      { kind: 'refresh', at: 60_646, process: 0, ms: 1293 },
      { kind: 'validity', at: 45_670, process: 3, ms: 1818 },
    ],
    faults: [
      { point: 'commit', nth: 5, fault: 'fail-before' },
      { point: 'commit', nth: 1, fault: 'slow-answer' },
      { point: 'read', nth: 3, fault: 'late' },
      { point: 'request', nth: 0, fault: 'crash-on-the-wire' },
      { point: 'request', nth: 5, fault: 'answer-lost' },
    ],
  },
  'a clock that was set back does not prolong a token that the process holds (I3)': {
    mode: 'grace-new',
    acts: [{ kind: 'jump', at: 0, process: 0, ms: 2805 }],
  },
  'a repeat within a grace by time reaches the provider within it, and so does the request that it repeats (I2)': {
    seed: 1004,
    mode: 'time',
    declared: true,
    workers: 1,
    faults: [{ point: 'request', nth: 2, fault: 'reset-then-consumed' }],
  },
  'a clock that was set back does not prolong the back-off of a client that the provider refused (I9)': {
    seed: 1001,
    processes: 4,
    acts: [{ kind: 'jump', at: 149_995, process: 0, ms: 2991 }],
    faults: [
      { point: 'due', nth: 6, fault: 'fail-before' },
      { point: 'claim', nth: 5, fault: 'crash-on-the-wire' },
      { point: 'request', nth: 2, fault: 'invalid-client' },
      { point: 'release', nth: 6, fault: 'crash-after' },
    ],
  },
  'a clock that is set while a request is out does not shift the expiry that is stored (I3)': {
    seed: 1044,
    mode: 'refuse',
    acts: [
      { kind: 'token', at: 0, process: 0, ms: 1 },
      { kind: 'jump', at: 93_685, process: 3, ms: 2487 },
      { kind: 'store-down', at: 16_518, process: 0, ms: 24_387 },
    ],
    faults: [{ point: 'request', nth: 1, fault: 'late-answer' }],
  },
  'a token that expires while its process waits for a look at the store is not handed out (I3)': {
    seed: 1000,
    timing: 'short',
    background: 'none',
    acts: [
      { kind: 'burst', at: 53_352, process: 0, ms: 1 },
      { kind: 'pause', at: 53_353, process: 0, ms: 40_000 },
    ],
  },
  'a look that was under way does not date an unsaved token back (I5)': {
    seed: 1556,
    processes: 4,
    timing: 'short',
    skews: [0, 0, 0, 0],
    acts: [
      { kind: 'token', at: 94_823, process: 1, ms: 1 },
      { kind: 'commits-down', at: 78_308, process: 0, ms: 27_121 },
    ],
  },
  'a disconnection does not forget the log-in that came after it (I5)': {
    acts: [
      { kind: 'disconnect', at: 115_866, process: 0, ms: 1 },
      { kind: 'log-in', at: 115_916, process: 0, ms: 1 },
      { kind: 'token', at: 123_866, process: 0, ms: 1 },
      { kind: 'token', at: 125_366, process: 0, ms: 1 },
    ],
    faults: [{ point: 'read', nth: 14, fault: 'slow-answer' }],
  },
  'a clock that is set back while a caller waits for another process does not lengthen the life of the token at hand (I3)':
    {
      seed: 2043,
      mode: 'time',
      processes: 3,
      background: 'none',
      acts: [
        { kind: 'token', at: 96_152, process: 0, ms: 1 },
        { kind: 'disconnect', at: 0, process: 1, ms: 1 },
        { kind: 'store-down', at: 0, process: 0, ms: 6 },
        { kind: 'refresh', at: 37_834, process: 0, ms: 1 },
        { kind: 'jump', at: 147_884, process: 0, ms: 6699 },
        { kind: 'rejected', at: 87_329, process: 1, ms: 1 },
        { kind: 'store-down', at: 4515, process: 0, ms: 1 },
      ],
      faults: [
        { point: 'request', nth: 0, fault: 'refused' },
        { point: 'request', nth: 3, fault: 'late-request' },
      ],
    },
  'a late token of a log-in that was replaced, not saved yet, does not take the place of the new one (I5)': {
    seed: 1652,
    mode: 'grace-new',
    processes: 3,
    timing: 'settling',
    skews: [0, 0, 0, 0],
    bounded: false,
    acts: [
      { kind: 'token', at: 0, process: 0, ms: 1 },
      { kind: 'token', at: 0, process: 0, ms: 1 },
      { kind: 'token', at: 0, process: 0, ms: 1 },
      { kind: 'store-down', at: 0, process: 0, ms: 1 },
    ],
    faults: [
      { point: 'claim', nth: 4, fault: 'ended-and-replaced' },
      { point: 'commit', nth: 2, fault: 'late' },
      { point: 'request', nth: 1, fault: 'late-answer' },
    ],
  },
  'a slow first answer of the store does not hide that a clock is off (I3)': {
    seed: 1008,
    processes: 4,
    timing: 'settling',
    skews: [0, 0, -4068, 0],
    acts: [{ kind: 'store-down', at: 0, process: 0, ms: 1 }],
    faults: [
      { point: 'request', nth: 0, fault: 'refused' },
      { point: 'read', nth: 0, fault: 'slow-answer' },
    ],
  },
  "a clock that is set before a disconnection and a new log-in does not shift the new log-in's expiry (I3)": {
    seed: 1056,
    workers: 1,
    timing: 'settling',
    skews: [12_342, 0, 0, 0],
    acts: [
      { kind: 'jump', at: 15_909, process: 1, ms: 6296 },
      { kind: 'token', at: 0, process: 0, ms: 1 },
      { kind: 'token', at: 0, process: 0, ms: 1 },
      { kind: 'token', at: 15_910, process: 0, ms: 1 },
    ],
    faults: [{ point: 'claim', nth: 1, fault: 'ended-and-replaced' }],
  },
  "what a worker doesn't know for sure of the store's time, its keepers don't either (I3)": {
    seed: 8,
    workers: 1,
    timing: 'settling',
    acts: [
      { kind: 'crash', at: 1000, process: 0, ms: 9100 },
      { kind: 'store-down', at: 10_160, process: 0, ms: 9000 },
    ],
    faults: [{ point: 'due', nth: 1, fault: 'slow-answer' }],
  },
  'a claim on a record that was seen before the machine stopped is decided anew (I1)': {
    seed: 4,
    mode: 'grace-last',
    declared: true,
    timing: 'settling',
    faults: [{ point: 'read', nth: 1, fault: 'pause-all' }],
  },
  'the time of a record that was seen counts from when it was here, not from when it was asked for (I1)': {
    seed: 992_387_240,
    processes: 4,
    whole: true,
    acts: [
      { kind: 'refresh', at: 74_505, process: 1, ms: 9737 },
      { kind: 'refresh', at: 64_238, process: 3, ms: 21_726 },
      { kind: 'refresh', at: 31_267, process: 2, ms: 228 },
      { kind: 'store-slow', at: 64_442, process: 0, ms: 40_000 },
    ],
    faults: [
      { point: 'request', nth: 0, fault: 'late-request' },
      { point: 'request', nth: 1, fault: 'vanished' },
      { point: 'request', nth: 2, fault: 'late-answer' },
    ],
  },
  'a holder whose machine slept after its claim claims again before it sends (I1)': {
    seed: 25,
    processes: 3,
    timing: 'settling',
    sleeps: true,
    acts: [{ kind: 'burst', at: 31_952, process: 3, ms: 38_306 }],
    faults: [{ point: 'claim', nth: 0, fault: 'pause-all' }],
  },
  "an answer of the store that came while the machine slept does not shift the store's time (I3)": {
    timing: 'settling',
    sleeps: true,
    faults: [{ point: 'read', nth: 0, fault: 'pause' }],
  },
  'a repeated deletion returns what was deleted, though its first answer was lost': {
    seed: 7,
    acts: [{ kind: 'disconnect', at: 20_000, process: 0, ms: 1 }],
    faults: [{ point: 'delete', nth: 0, fault: 'fail-after' }],
  },
  'a holder whose machine slept does not keep its lease for longer than its request may last (I9)': {
    seed: 1960311718,
    mode: 'refuse',
    timing: 'short',
    sleeps: true,
    acts: [
      { kind: 'token', at: 7896, process: 0, ms: 1 },
      { kind: 'token', at: 98316, process: 0, ms: 1 },
      { kind: 'token', at: 55453, process: 1, ms: 1 },
    ],
    faults: [
      { point: 'claim-look', nth: 4, fault: 'pause-all' },
      { point: 'request', nth: 1, fault: 'vanished' },
    ],
  },
  'nor one whose machine slept after another wait, while store and provider did not answer (I9)': {
    seed: 119124565,
    timing: 'short',
    sleeps: true,
    acts: [
      { kind: 'relog', at: 0, process: 0, ms: 1 },
      { kind: 'provider-hangs', at: 47017, process: 0, ms: 14396 },
      { kind: 'store-hangs', at: 36503, process: 0, ms: 23955 },
    ],
    faults: [
      { point: 'event', nth: 253, fault: 'pause-all' },
      { point: 'event', nth: 125, fault: 'pause' },
    ],
  },
  'a clock that is set back while an answer of the store is on its way for long is noticed (I3)': {
    seed: 937329679,
    workers: 1,
    timing: 'short',
    acts: [
      { kind: 'disconnect', at: 103264, process: 2, ms: 3788 },
      { kind: 'rejected', at: 32425, process: 3, ms: 1899 },
      { kind: 'burst', at: 113768, process: 3, ms: 1207 },
      { kind: 'recheck', at: 31337, process: 0, ms: 473 },
      { kind: 'jump', at: 50217, process: 2, ms: 19043 },
    ],
    faults: [{ point: 'due', nth: 15, fault: 'pause-all' }],
  },
  'a resolver that gives a client with a new secret is asked at the next flight (I9)': {
    workers: 1,
    acts: [
      { kind: 'new-secret', at: 95993, process: 0, ms: 1 },
      { kind: 'provider-hangs', at: 0, process: 0, ms: 1 },
    ],
    faults: [
      { point: 'request', nth: 0, fault: 'refused' },
      { point: 'event', nth: 6, fault: 'pause' },
    ],
    resolver: true,
  },
  'a log-in through a new registration is kept as one of that (I8)': {
    acts: [{ kind: 'new-registration', at: 0, process: 0, ms: 1 }],
    resolver: true,
  },
  "a log-in after the old one was ended is taken though the store's clock was set back before it (I9)": {
    seed: 732492692,
    timing: 'settling',
    acts: [
      { kind: 'jump', at: 6607, process: 1, ms: 25335 },
      { kind: 'store-jump', at: 93301, process: 1, ms: 1341 },
      { kind: 'provider-hangs', at: 89002, process: 2, ms: 3645 },
      { kind: 'relog', at: 96090, process: 3, ms: 25495 },
      { kind: 'new-secret', at: 139777, process: 2, ms: 2357 },
    ],
    faults: [{ point: 'read', nth: 3, fault: 'store-clock' }],
  },
  'a flight that fails after its callers have gone ends no process': {
    seed: 759063561,
    mode: 'refuse',
    processes: 3,
    timing: 'settling',
    acts: [
      { kind: 'burst', at: 88390, process: 0, ms: 9528 },
      { kind: 'token', at: 139104, process: 0, ms: 1557 },
      { kind: 'validity', at: 66247, process: 2, ms: 87 },
      { kind: 'refresh', at: 7030, process: 2, ms: 2103 },
      { kind: 'crash', at: 132481, process: 1, ms: 24036 },
      { kind: 'rejected', at: 103910, process: 3, ms: 2795 },
      { kind: 'commits-down', at: 53295, process: 2, ms: 1086 },
      { kind: 'store-down', at: 131296, process: 3, ms: 3292 },
      { kind: 'resolver-hangs', at: 90718, process: 0, ms: 1241 },
      { kind: 'store-hangs', at: 121024, process: 1, ms: 1608 },
      { kind: 'new-registration', at: 57879, process: 1, ms: 38859 },
      { kind: 'provider-hangs', at: 142813, process: 0, ms: 2165 },
    ],
    faults: [
      { point: 'commit', nth: 2, fault: 'slow-answer' },
      { point: 'request', nth: 4, fault: 'reset-then-consumed' },
      { point: 'due', nth: 5, fault: 'slow-answer' },
      { point: 'commit-look', nth: 0, fault: 'store-clock' },
    ],
    resolver: true,
  },
}

/** Scenarios that break an invariant until what they found is mended: they run where schedules are wide. */
const FOUND: Readonly<Record<string, Partial<Scenario>>> = {
  'an open intent of a store whose clock was set back is settled after its own length (I9)': {
    seed: 12,
    mode: 'grace-new',
    workers: 1,
    timing: 'short',
    sleeps: true,
    acts: [
      { kind: 'burst', at: 48450, process: 3, ms: 1128 },
      { kind: 'crash', at: 75324, process: 3, ms: 2890 },
      { kind: 'disconnect', at: 76821, process: 3, ms: 2188 },
      { kind: 'refresh', at: 11481, process: 3, ms: 2182 },
      { kind: 'token', at: 60552, process: 0, ms: 32667 },
      { kind: 'store-slow', at: 17465, process: 0, ms: 27481 },
      { kind: 'rejected', at: 141212, process: 2, ms: 784 },
      { kind: 'rejected', at: 92916, process: 3, ms: 9495 },
      { kind: 'store-jump', at: 62223, process: 2, ms: 2865 },
      { kind: 'provider-hangs', at: 44492, process: 0, ms: 7172 },
      { kind: 'resolver-hangs', at: 16, process: 0, ms: 24340 },
    ],
    faults: [
      { point: 'claim-look', nth: 0, fault: 'hang-after' },
      { point: 'event', nth: 0, fault: 'pause' },
      { point: 'event', nth: 171, fault: 'pause' },
      { point: 'release', nth: 0, fault: 'store-clock' },
    ],
    crowd: 8,
  },
  'a worker whose clock is off reserves what is due for no longer than the others (worker)': {
    seed: 1449864408,
    mode: 'grace-same',
    processes: 3,
    workers: 1,
    background: 'none',
    skews: [301726, -15, -3286127, 1353126],
    acts: [{ kind: 'crash', at: 134916, process: 3, ms: 39208 }],
  },
  'a look that is refused, because the client is another by now, tells the time all the same (I3)': {
    seed: 344059206,
    mode: 'grace-last',
    declared: true,
    processes: 3,
    workers: 2,
    timing: 'short',
    background: 'none',
    sleeps: true,
    acts: [
      { kind: 'token', at: 131333, process: 1, ms: 19039 },
      { kind: 'jump', at: 61782, process: 1, ms: 633 },
      { kind: 'disconnect', at: 66100, process: 0, ms: 6511 },
      { kind: 'pause', at: 47541, process: 3, ms: 4055 },
      { kind: 'store-slow', at: 145774, process: 0, ms: 34915 },
      { kind: 'refresh', at: 127406, process: 0, ms: 28273 },
      { kind: 'log-in', at: 86523, process: 3, ms: 2536 },
      { kind: 'new-registration', at: 63976, process: 1, ms: 23235 },
    ],
    faults: [{ point: 'read', nth: 7, fault: 'pause-all' }],
    resolver: true,
  },
}

test.each(Object.entries({ ...CASES, ...(WIDE && FOUND) }))('%s', async (_name, difference) => {
  const outcome = await simulate({ ...scenario, ...difference })
  expect(outcome.violation).toBeUndefined()
})

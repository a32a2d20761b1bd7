const PROOFS = {
  feed: 'scripts/proofs/feed.mjs',
  kill: 'scripts/proofs/kill.mjs',
  outage: 'scripts/proofs/outage.mjs',
  scale: 'scripts/proofs/scale.mjs',
  runtimes: 'test/runtimes/prove.ts',
  simulation: 'test/simulation/prove.ts',
  storm: 'scripts/proofs/storm.mjs',
  types: 'test/types/prove.ts',
}

/** The program that runs the full size of a proof: `npm run prove -- NAME …`. What follows the name goes to it. */
export function findProof(name) {
  if (name !== undefined && Object.hasOwn(PROOFS, name)) return PROOFS[name]
  throw new Error(`Expected the name of a proof (${Object.keys(PROOFS).join(', ')}), got ${name ?? 'nothing'}.`)
}

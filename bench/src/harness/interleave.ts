export interface Contestant<T> {
  readonly name: string
  run(round: number): Promise<T>
}

/**
 * Lets contestants run in turns, each round beginning with another of them, so that whatever else happens on the machine
 * meets all of them alike. A first round warms up and is not counted.
 */
export async function interleave<T>(rounds: number, contestants: readonly Contestant<T>[]): Promise<Map<string, T[]>> {
  const results = new Map<string, T[]>(contestants.map(({ name }) => [name, []]))
  if (results.size < contestants.length) throw new Error('Expected the contestants to have different names.')
  for (let round = -1; round < rounds; round += 1) {
    const first = Math.max(round, 0) % contestants.length
    for (const contestant of [...contestants.slice(first), ...contestants.slice(0, first)]) {
      const result = await contestant.run(round)
      if (round >= 0) results.get(contestant.name)?.push(result)
    }
  }
  return results
}

/** The same for the rows of a table: resolves to what was measured of a row. `warmUp`: runs once for each row before that. */
export async function inTurns<Row, T>(
  rounds: number,
  rows: readonly Row[],
  run: (row: Row, round: number) => Promise<T>,
  warmUp?: (row: Row) => Promise<unknown>,
): Promise<(row: Row) => readonly T[]> {
  const results = await interleave<T | undefined>(
    rounds,
    rows.map((row, index) => ({
      name: String(index),
      run: async (round) => (round < 0 ? void (await warmUp?.(row)) : run(row, round)),
    })),
  )
  return (row) => (results.get(String(rows.indexOf(row))) ?? []) as readonly T[]
}

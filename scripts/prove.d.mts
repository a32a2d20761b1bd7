/** The program that runs the full size of a proof; fails when there is no such proof. */
export function findProof(name: string | undefined): string

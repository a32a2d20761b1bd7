/** The package's declarations, one file for each entry (such as `seal/index`) and one that entries share. */
export function declarationsOf(
  root: string,
  entries: readonly string[],
): Promise<readonly { readonly fileName: string; readonly code: string }[]>

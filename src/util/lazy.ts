const parts = new Set<() => unknown>()
/** Number of parts that `loadAhead` has loaded. */
let loadedAhead = 0

/**
 * Makes a function that loads a part of the library at first use. A loaded part is returned without a promise. A
 * failure is not remembered, unless the runtime does so, as Node.js 20. Each caller starts the load for itself: some
 * hosts end the work of a request with it, and its promise then never settles.
 */
export function lazy<T>(load: () => Promise<T>): () => T | Promise<T> {
  let loaded: T | undefined
  const begin = async (): Promise<T> => (loaded = await load())
  const part = (): T | Promise<T> => loaded ?? begin()
  parts.add(part)
  return part
}

/** Loads every part, for clocks that stand still while files are read. */
export async function loadParts(): Promise<void> {
  // A part may have its own parts.
  for (let known = -1; known !== parts.size;) {
    known = parts.size
    await Promise.all([...parts].map((part) => part()))
  }
}

/**
 * Loads every part in the background, in a process that has run for a while. When a refresh is due, the files may be
 * those of another release, or the process may be unable to open files.
 */
export function loadAhead(): void {
  if (loadedAhead === parts.size) return
  void loadParts().then(
    () => (loadedAhead = parts.size),
    () => undefined,
  )
}

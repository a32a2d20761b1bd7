const parts = new Set<() => unknown>()

/** A part of the library that is loaded when it is first needed. What is loaded is there without waiting; a failure is not remembered. */
export function lazy<T>(load: () => Promise<T>): () => T | Promise<T> {
  let loaded: T | undefined
  let loading: Promise<T> | undefined
  const begin = async (): Promise<T> => {
    try {
      return (loaded = await load())
    } finally {
      loading = undefined
    }
  }
  const part = (): T | Promise<T> => loaded ?? (loading ??= begin())
  parts.add(part)
  return part
}

/** Loads every part: for clocks that stand still while files are read. */
export async function loadParts(): Promise<void> {
  // A part may have parts of its own.
  for (let known = -1; known !== parts.size;) {
    known = parts.size
    await Promise.all([...parts].map((part) => part()))
  }
}

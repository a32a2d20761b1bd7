/** A part of the library that is loaded when it is first needed. What is loaded is there without waiting; a failure is not remembered. */
export function lazy<T>(load: () => Promise<T>): () => T | Promise<T> {
  let loaded: T | undefined
  let loading: Promise<T> | undefined
  return () => loaded ?? (loading ??= begin())

  async function begin(): Promise<T> {
    try {
      return (loaded = await load())
    } finally {
      loading = undefined
    }
  }
}

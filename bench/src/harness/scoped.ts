interface Closable {
  close(): Promise<void>
}

/** Runs `work`, and closes what it has opened, the last first, however it ends. */
export async function scoped<T>(work: (own: <R extends Closable>(opened: R) => R) => Promise<T>): Promise<T> {
  const opened: Closable[] = []
  try {
    return await work((resource) => {
      opened.unshift(resource)
      return resource
    })
  } finally {
    for (const resource of opened) await resource.close()
  }
}

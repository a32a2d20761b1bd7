/** Resolves in the event loop's next turn: what else waits for it comes first. A resolved promise would not let it. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else setTimeout(resolve, 0)
  })
}

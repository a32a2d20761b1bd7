/** Something to wait for, for a while. */
export class News {
  #arrived = false
  #wake: (() => void) | undefined

  tell(): void {
    this.#arrived = true
    this.#wake?.()
  }

  async wait(ms: number): Promise<void> {
    if (!this.#arrived) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#arrived = false
    this.#wake = undefined
  }
}

import type { ScriptRunner } from './client.ts'

/** A Lua script, which the server keeps under its digest. */
export class Script {
  readonly #text: string
  #sha: Promise<string> | undefined

  constructor(text: string) {
    this.#text = text
  }

  /** Runs it; all of it or, when it rejects, perhaps. A server that does not know it yet gets its text. */
  async run(runner: ScriptRunner, keys: readonly string[], parameters: readonly string[]): Promise<unknown> {
    this.#sha ??= digest(this.#text)
    const sha = await this.#sha
    try {
      return await runner.bySha(sha, keys, parameters)
    } catch (error) {
      if (!isUnknownScript(error)) throw error
    }
    return runner.byText(this.#text, keys, parameters)
  }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

/** SHA-1 in hexadecimal: what EVALSHA names scripts by. */
async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text)))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

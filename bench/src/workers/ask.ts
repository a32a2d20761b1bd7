import type { Holder } from '../rivals/rival.ts'
import { failureWords } from './failure-words.ts'
import type { AskOrder, AskResult } from './protocol.ts'

/** One caller. Never rejects: what goes wrong is the answer. */
export async function ask(holder: Holder, { url }: AskOrder): Promise<AskResult> {
  try {
    if (url === undefined) return { token: await holder.token() }
    const status = await holder.get(url)
    return status === 200 ? { answered: true } : { failure: `status ${status}` }
  } catch (error) {
    return { failure: failureWords(error) }
  }
}

import type { BodyLook } from '../client/answers/rejected-answers.ts'
import { lookAt, type Look } from './encoded-look.ts'
import { headerReader, type Sending } from './judging.ts'
import { WithheldAnswer, type AnswerStream } from './withheld-answer.ts'

/** An answer that is, or may be, a refusal of its token: withheld until that is decided, then repeated or its caller's. */
export class HeldAnswer {
  readonly #sending: Sending
  readonly #answer: WithheldAnswer
  #look: Look | undefined

  /** `head` tells the handler of status and headers; `verdict` is what they say. */
  constructor(
    sending: Sending,
    stream: AnswerStream,
    head: () => boolean | void,
    verdict: true | BodyLook,
    headers: unknown,
  ) {
    this.#sending = sending
    this.#answer = new WithheldAnswer(stream, sending.handler)
    this.#answer.pass(head)
    if (verdict === true) this.#repeat()
    else this.#look = lookAt(verdict, headerReader(headers)('content-encoding'))
  }

  /** A piece of the body; false: the connection is to pause. */
  data(chunk: Uint8Array, event: () => boolean | void): boolean | void {
    const goOn = this.#answer.data(chunk, event)
    const verdict = this.#look?.add(chunk)
    if (verdict === undefined) return goOn
    this.#look = undefined
    if (!verdict) return this.#answer.release()
    this.#repeat()
    return goOn
  }

  /** The last event: the body's end, or what broke it off. */
  end(event: () => void): void {
    this.#answer.end(event)
    const look = this.#look
    if (look === undefined) return
    this.#look = undefined
    if (look.end()) this.#repeat()
    else this.#answer.release()
  }

  #repeat(): void {
    repeatAfter(this.#sending, this.#answer)
  }
}

/** For an answer that is an error already, of undici's `responseError`: what it tells is withheld. */
export function holdError(sending: Sending, tell: () => void): void {
  const answer = new WithheldAnswer({ resume: () => undefined, abort: () => undefined }, sending.handler)
  answer.end(tell)
  repeatAfter(sending, answer)
}

function repeatAfter({ handler, repeater, request, token }: Sending, answer: WithheldAnswer): void {
  void repeater.repeat(request, token, answer, handler)
}

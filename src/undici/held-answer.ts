import type { BodyLook } from '../client/answers/rejected-answers.ts'
import { lookAt, type Look } from './encoded-look.ts'
import { headerReader, type Sending } from './judging.ts'
import { WithheldAnswer, type AnswerStream } from './withheld-answer.ts'

/**
 * A response that is, or may be, a refusal of its token. It is withheld until that is decided, then repeated or passed
 * to its caller.
 */
export class HeldAnswer {
  readonly #sending: Sending
  readonly #answer: WithheldAnswer
  #look: Look | undefined

  /** `head` passes status and headers to the handler. `refusal` is what they mean. */
  constructor(
    sending: Sending,
    stream: AnswerStream,
    head: () => boolean | void,
    refusal: true | BodyLook,
    headers: unknown,
  ) {
    this.#sending = sending
    this.#answer = new WithheldAnswer(stream, sending.handler)
    this.#answer.pass(head)
    if (refusal === true) this.#repeat()
    else this.#look = lookAt(refusal, headerReader(headers)('content-encoding'))
  }

  /** Handles a part of the body. Returns false if the connection is to pause. */
  data(chunk: Uint8Array, event: () => boolean | void): boolean | void {
    const goOn = this.#answer.data(chunk, event)
    const refusal = this.#look?.add(chunk)
    if (refusal === undefined) return goOn
    this.#look = undefined
    if (!refusal) return this.#answer.release()
    this.#repeat()
    return goOn
  }

  /** Handles the last event: the body's end, or what interrupted it. */
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

/** Withholds a response that undici's `responseError` has turned into an error. */
export function holdError(sending: Sending, tell: () => void): void {
  const answer = new WithheldAnswer({ resume: () => undefined, abort: () => undefined }, sending.handler)
  answer.end(tell)
  repeatAfter(sending, answer)
}

function repeatAfter({ handler, repeater, request, token }: Sending, answer: WithheldAnswer): void {
  void repeater.repeat(request, token, answer, handler)
}

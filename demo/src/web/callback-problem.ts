import { AuthorizationError, CallbackError, type CallbackErrorCode, type EvergrantError } from 'evergrant'
import { messagePage } from '../pages/message-page.ts'
import type { Problem } from './problem.ts'

interface Explanation {
  readonly title: string
  readonly text: readonly string[]
}

const strange: Explanation = {
  title: 'This log-in does not belong here',
  text: [
    'The address you came back with does not belong to a log-in that this browser began. It may be an old one, from another browser, or made up by somebody.',
    'It was not used, and whatever you had connected is as it was.',
  ],
}

const explanations: Readonly<Partial<Record<CallbackErrorCode, Explanation>>> = {
  expired_login: {
    title: 'The log-in took too long',
    text: ['It was begun more than a quarter of an hour ago, so it was not used.'],
  },
  already_used: {
    title: 'This log-in was finished already',
    text: [
      'Each log-in counts once. If the first time went well, you are connected, and nothing about that has changed.',
    ],
  },
  wrong_subject: {
    title: 'Another log-in was finished meanwhile',
    text: [
      'This log-in was begun before the one that this browser finished last. It was not used, and nobody’s access has changed.',
    ],
  },
}

const menu = { href: '/menu', label: 'Menu' }
const start = { href: '/', label: 'Start the log-in' }

/** What is said when a log-in can't be finished. */
export function callbackProblem(error: EvergrantError): Problem {
  const { code, message } = error
  const explanation = explain(error)
  const links = code === 'already_used' || code === 'wrong_subject' ? [menu, start] : [start, menu]
  return {
    status: error.retryable ? 503 : 400,
    code,
    message,
    logIn: '/',
    page: messagePage({ ...explanation, links, detail: message }),
  }
}

function explain(error: EvergrantError): Explanation {
  if (error instanceof CallbackError) return explanations[error.code] ?? strange
  if (error instanceof AuthorizationError) {
    return error.error === 'access_denied'
      ? {
          title: 'You did not allow the access',
          text: [
            'That is fine: nothing was connected, and what was connected before is as it was.',
            'You can start again whenever you like.',
          ],
        }
      : {
          title: 'The provider ended the log-in',
          text: [
            'It sent you back with an error instead of an answer. Start again; if it repeats, the registration of this application at the provider needs a look.',
          ],
        }
  }
  if (error.retryable) {
    return {
      title: 'The provider did not answer',
      text: [
        'The log-in could not be finished, because the provider can’t be reached or is busy. Start again in a moment.',
      ],
    }
  }
  return {
    title: 'The log-in could not be finished',
    text: ['The provider refused the last step. Start the log-in again.'],
  }
}

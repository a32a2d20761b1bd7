import { AuthorizationError, CallbackError, type CallbackErrorCode, type EvergrantError } from 'evergrant'
import { messagePage } from '../pages/message-page.ts'
import type { Problem } from './problem.ts'

interface Explanation {
  readonly title: string
  readonly text: readonly string[]
}

const strange: Explanation = {
  title: 'This login does not belong to this browser',
  text: [
    'The callback does not belong to a login that this browser started. It may be old, from another browser, or forged.',
    'It was not used, and your connected access has not changed.',
  ],
}

const explanations: Readonly<Partial<Record<CallbackErrorCode, Explanation>>> = {
  expired_login: {
    title: 'The login took too long',
    text: ['It was started more than fifteen minutes ago, so it was not used.'],
  },
  already_used: {
    title: 'This login was already used',
    text: ['Each login is accepted once. If the first time succeeded, you are still connected.'],
  },
  wrong_subject: {
    title: 'Another login was completed in between',
    text: [
      'This login was started before the one that this browser completed last. It was not used, and no access has changed.',
    ],
  },
}

const menu = { href: '/menu', label: 'Menu' }
const start = { href: '/', label: 'Start the login' }

/** Returns the response for a login that cannot be completed. */
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
          text: ['Nothing was connected, and earlier access has not changed.', 'You can start again at any time.'],
        }
      : {
          title: 'The provider ended the login',
          text: [
            'It sent you back with an error. Start again. If it repeats, check this application’s registration at the provider.',
          ],
        }
  }
  if (error.retryable) {
    return {
      title: 'The provider did not respond',
      text: [
        'The login could not be completed, because the provider is busy or cannot be reached. Start again in a moment.',
      ],
    }
  }
  return {
    title: 'The login could not be completed',
    text: ['The provider rejected the last step. Start the login again.'],
  }
}

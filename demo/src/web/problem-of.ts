import {
  ConfigError,
  GrantNotFoundError,
  ReauthorizationRequiredError,
  SealError,
  StoreError,
  type EvergrantError,
} from 'evergrant'
import { messagePage } from '../pages/message-page.ts'
import { reconnectPage, reconnectPath } from '../pages/reconnect-page.ts'
import type { Problem } from './problem.ts'

/** What a caller is told of an error of the library. Its messages hold no secret. */
export function problemOf(error: EvergrantError): Problem {
  const { code, message, retryAfterMs } = error
  if (error instanceof ReauthorizationRequiredError || error instanceof GrantNotFoundError) {
    return { status: 401, code, message, logIn: reconnectPath, page: reconnectPage(error) }
  }
  if (error.retryable) {
    return {
      status: 503,
      code,
      message,
      retryAfterMs,
      page: messagePage({
        title:
          error instanceof StoreError ? 'The store does not answer just now' : 'The token can’t be renewed just now',
        text: ['Your access is kept. Try again in a moment: nothing has to be connected anew.'],
        links: [{ href: '/menu', label: 'Back to the menu' }],
        detail: message,
      }),
    }
  }
  const mendable = error instanceof ConfigError || error instanceof SealError
  return {
    status: mendable ? 409 : 502,
    code,
    message,
    ...(mendable && { logIn: reconnectPath }),
    page: messagePage({
      title: mendable ? 'What is stored does not fit any more' : 'The provider’s answer can’t be used',
      text: [
        mendable
          ? 'The stored access was made with other settings than these. It was left alone; connecting again puts a new one in its place.'
          : 'The provider answered in a way that nothing can be done with.',
      ],
      links: [
        { href: reconnectPath, label: 'Connect again' },
        { href: '/menu', label: 'Menu' },
      ],
      detail: message,
    }),
  }
}

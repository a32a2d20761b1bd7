import type { Problem } from '../web/problem.ts'
import { messagePage } from './message-page.ts'

/** For routes that need somebody who is logged in. */
export const notConnected: Problem = {
  status: 401,
  code: 'not_connected',
  message: 'Nobody is logged in in this browser.',
  logIn: '/',
  page: messagePage({
    title: 'Connect first',
    text: [
      'This demo shows one access token being kept fresh: you log in at a provider, and from then on you only watch.',
      'Nobody is logged in in this browser yet.',
    ],
    links: [{ href: '/', label: 'Log in' }],
  }),
}

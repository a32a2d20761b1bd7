import type { PageCode } from './content.ts'

/** Title and paragraphs of a page. In them, `{label}` is the provider's name. */
export interface PageText {
  readonly title: string
  readonly text: readonly string[]
}

const say = (title: string, ...text: string[]): PageText => ({ title, text })

/** What the pages say in English. */
export const SENTENCES: Readonly<Record<PageCode, PageText>> = {
  access_denied: say(
    '{label} is not connected',
    'You declined, and that is fine. Nothing was connected. You can connect {label} at any time.',
  ),
  already_used: say(
    'This login was already used',
    'Each login works once. If {label} is not connected yet, connect it again.',
  ),
  authorization_error: say(
    '{label} refused the login',
    'Nothing was connected. Try again. If this happens again, contact the support of this site.',
  ),
  connected: say('{label} is connected', 'You can close this window.'),
  connections: say('Connections', 'Accounts at other services that this site may use for you:'),
  continue: say(
    'Connect {label}?',
    'This connects your {label} account to this site. If you did not ask for it, close this page.',
  ),
  cross_site: say(
    'Nothing was disconnected',
    'The request did not come from a page of this site. To disconnect an account, use the button on this site.',
  ),
  expired_login: say(
    'The login took too long',
    'A login must be finished within fifteen minutes. Nothing was connected. Start again.',
  ),
  failed: say(
    'The login failed',
    '{label} did not complete the login. Nothing was connected. Try again. If this happens again, contact the support of this site.',
  ),
  finish: say('One moment', 'The login continues automatically. If nothing happens, choose Continue.'),
  grant_not_found: say('{label} is not connected', 'Connect {label} to continue.'),
  invalid_callback: say(
    'The login failed',
    'The response of {label} is not complete. Nothing was connected. Start again.',
  ),
  invalid_return_to: say(
    'This link does not work',
    'It leads to a page that is not on this site. No login was started. Go back and choose another link.',
  ),
  invalid_scope: say(
    'This link does not work',
    'It asks {label} for more access than this site may have. No login was started.',
  ),
  logged_out: say(
    'You are logged out',
    'Your session on this site ended during the login. Nothing was connected. Log in here, then connect {label} again.',
  ),
  method_not_allowed: say('This page cannot be used like this', 'Go back and choose the link again.'),
  missing_scope: say(
    'More access is needed',
    'This site needs more access to your {label} account. Connect {label} again.',
  ),
  navigate: say('Open this address as a page', 'A login cannot run in the background. Open its link in the browser.'),
  not_found: say('Page not found', 'There is no page at this address. Check the link, or go back.'),
  not_logged_in: say('You are not logged in', 'Log in to this site, then try again.'),
  prefetch: say('Not loaded in advance', 'A login starts only when you open its link.'),
  reauthorization_required: say(
    '{label} must be connected again',
    'Your connection with {label} has ended. Connect {label} again to continue.',
  ),
  refused: say(
    'You cannot log in with this account',
    'This site does not accept this {label} account. Use another account, or contact the support of this site.',
  ),
  state_mismatch: say(
    'This login cannot be finished here',
    'It began in another browser, or this browser no longer has its cookie. Nothing was connected. Start again here.',
  ),
  store_error: say(
    'The connection is not saved yet',
    'This site has a problem with its storage and still tries to save. Reload this page in a minute.',
  ),
  unavailable: say(
    '{label} is not available',
    '{label} does not respond at the moment. Nothing was connected. Wait a minute, then try again.',
  ),
  wrong_subject: say(
    'Another user is logged in',
    'This login began with another user of this site. Nothing was connected. To connect your own account, start again.',
  ),
}

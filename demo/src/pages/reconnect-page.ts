import { ReauthorizationRequiredError, type GrantNotFoundError, type ReauthorizationReason } from 'evergrant'
import type { Page } from './layout.ts'
import { messagePage } from './message-page.ts'

/** Where a log-in starts that is sure to bring a new refresh token. */
export const reconnectPath = '/?prompt=consent'

const reasons: Readonly<Record<ReauthorizationReason, string>> = {
  revoked:
    'The provider says that the access you had allowed has ended. Either you took it back there, or the provider started anew.',
  answer_lost:
    'An answer of the provider was lost on its way, and the provider accepts the key that was replaced with it no more.',
  refused: 'The provider has refused to renew the access for a long time without saying why.',
  expired: 'The access reached the end that the provider had set for it.',
  no_refresh_token: 'The access has run out, and the provider had given no way to renew it.',
  identity_changed: 'The provider suddenly answered in the name of another user, so the answer was not used.',
  interaction_required: 'The provider wants something of you, such as a second factor or a consent, before it goes on.',
}

/** The page for a grant that only the user can bring back. */
export function reconnectPage(error: ReauthorizationRequiredError | GrantNotFoundError): Page {
  const isDead = error instanceof ReauthorizationRequiredError
  return messagePage({
    title: isDead ? 'Please connect again' : 'Not connected',
    text: [
      isDead ? reasons[error.reason] : 'Nothing is stored for you here: you never connected, or you disconnected.',
      'Nothing else is lost. Log in once more and everything goes on.',
    ],
    links: [
      { href: reconnectPath, label: 'Connect again' },
      { href: '/menu', label: 'Menu' },
    ],
    detail: error.message,
  })
}

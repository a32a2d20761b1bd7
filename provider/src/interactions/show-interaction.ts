import { accountPage } from '../pages/account-page.ts'
import { consentPage } from '../pages/consent-page.ts'
import { loginPage } from '../pages/login-page.ts'
import { messagePage } from '../pages/message-page.ts'
import { formTarget, sendPage } from '../pages/send-page.ts'
import type { ProviderUser, UserDirectory } from '../users.ts'
import {
  actionOf,
  currentUser,
  nameOfClient,
  requestedScopes,
  textOf,
  type InteractionContext,
  type InteractionDetails,
  type InteractionParts,
} from './interaction.ts'

/** Shows the page of the interaction's present step. */
export async function showInteraction(
  parts: InteractionParts,
  ctx: InteractionContext,
  details: InteractionDetails,
): Promise<void> {
  const current = currentUser(parts, details)
  const asked = textOf(ctx.query['user'])
  if (details.prompt.name === 'consent' && current) await showConsent(parts, ctx, details, current)
  else if (details.prompt.name === 'select_account' && current && asked === undefined) {
    await showAccounts(parts, ctx, details, current)
  } else await showLogin(parts, ctx, details, { filled: userToFillIn(parts.users, asked, details) })
}

function userToFillIn(
  users: UserDirectory,
  asked: string | undefined,
  details: InteractionDetails,
): ProviderUser | undefined {
  if (asked !== undefined) return users.named(asked)
  const hint = textOf(details.params['login_hint'])
  return (hint === undefined ? undefined : users.hinted(hint)) ?? users.first
}

/** Shows the login page. */
export async function showLogin(
  { provider, users }: InteractionParts,
  ctx: InteractionContext,
  details: InteractionDetails,
  content: { readonly filled: ProviderUser | undefined; readonly problem?: string },
): Promise<void> {
  const clientName = await nameOfClient(provider, details)
  sendPage(
    ctx,
    loginPage({ action: actionOf(details), clientName, users: users.users, ...content }),
    targetsOf(details),
  )
}

async function showAccounts(
  { provider, users }: InteractionParts,
  ctx: InteractionContext,
  details: InteractionDetails,
  current: ProviderUser,
): Promise<void> {
  const clientName = await nameOfClient(provider, details)
  const page = accountPage({ action: actionOf(details), clientName, users: users.users, current })
  sendPage(ctx, page, targetsOf(details))
}

async function showConsent(
  { provider, scopes }: InteractionParts,
  ctx: InteractionContext,
  details: InteractionDetails,
  user: ProviderUser,
): Promise<void> {
  const requested = requestedScopes(details, scopes)
  const page = consentPage({
    action: actionOf(details),
    clientName: await nameOfClient(provider, details),
    user,
    scopes: requested.map((scope) => ({
      scope,
      description: scopes.describe(scope),
      required: scopes.isRequired(scope),
    })),
    // The scope says the same in the list.
    offline: details.params['access_type'] === 'offline' && !requested.includes('offline_access'),
  })
  sendPage(ctx, page, targetsOf(details))
}

/** Shows that the interaction is over, or belongs to another browser. */
export function sendExpired(ctx: InteractionContext): void {
  ctx.status = 400
  sendPage(
    ctx,
    messagePage(
      'This page has expired',
      'Go back to the application and start again there.',
      'If that does not help, this browser may be refusing the cookies of this server.',
    ),
  )
}

function targetsOf(details: InteractionDetails): string[] {
  const target = formTarget(textOf(details.params['redirect_uri']) ?? '')
  return target === undefined ? [] : [target]
}

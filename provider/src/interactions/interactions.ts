import type Provider from 'oidc-provider'
import { paths } from '../endpoints.ts'
import { messagePage } from '../pages/message-page.ts'
import { sendPage } from '../pages/send-page.ts'
import { readBody } from '../read-body.ts'
import { subjectOf } from '../users.ts'
import {
  currentUser,
  requestedScopes,
  textOf,
  type InteractionContext,
  type InteractionDetails,
  type InteractionParts,
} from './interaction.ts'
import { saveConsent } from './save-consent.ts'
import { sendExpired, showInteraction, showLogin } from './show-interaction.ts'

const route = new RegExp(`^${paths.interaction}/([\\w-]+)(?:/(login|account|consent|cancel))?$`)

/** Koa middleware with the pages on which a user logs in, chooses an account, and consents. */
export function interactions(
  parts: InteractionParts,
): (ctx: InteractionContext, next: () => Promise<unknown>) => Promise<void> {
  return async (ctx, next) => {
    const [, uid, step] = route.exec(ctx.path) ?? []
    if (uid === undefined) {
      await next()
      return
    }
    ctx.set('cache-control', 'no-store')
    const details = await findInteraction(parts.provider, ctx, uid)
    if (!details) sendExpired(ctx)
    else if (ctx.method === 'GET' && step === undefined) await showInteraction(parts, ctx, details)
    else if (ctx.method === 'POST' && step !== undefined) await submit(parts, ctx, details, step)
    else ctx.status = 405
  }
}

async function findInteraction(
  provider: Provider,
  ctx: InteractionContext,
  uid: string,
): Promise<InteractionDetails | undefined> {
  try {
    const details = await provider.interactionDetails(ctx.req, ctx.res)
    return details.uid === uid ? details : undefined
  } catch (error) {
    if (error instanceof Error && error.name === 'SessionNotFound') return undefined
    throw error
  }
}

async function submit(
  parts: InteractionParts,
  ctx: InteractionContext,
  details: InteractionDetails,
  step: string,
): Promise<void> {
  const site = ctx.get('sec-fetch-site')
  if (site !== '' && site !== 'same-origin' && site !== 'none') {
    ctx.status = 403
    sendPage(ctx, messagePage('This form came from another site', 'Nothing was done.'))
    return
  }
  const form = new URLSearchParams(await readBody(ctx.req))
  if (step === 'cancel') await finish(parts, ctx, denial)
  else if (step === 'login') await logIn(parts, ctx, details, form)
  else if (step === 'account') await chooseAccount(parts, ctx, details, form)
  else await decide(parts, ctx, details, form)
}

const denial = { error: 'access_denied', error_description: 'the user denied the request' }

async function logIn(
  parts: InteractionParts,
  ctx: InteractionContext,
  details: InteractionDetails,
  form: URLSearchParams,
): Promise<void> {
  const { name } = details.prompt
  if (name !== 'login' && name !== 'select_account') return sendExpired(ctx)
  const user = parts.users.named((form.get('username') ?? '').trim())
  if (!user || user.password !== form.get('password')) {
    ctx.status = 400
    const problem = 'This user name and password do not belong together.'
    return showLogin(parts, ctx, details, { filled: user && { ...user, password: '' }, problem })
  }
  const chosen = name === 'select_account' ? { select_account: {} } : {}
  return finish(parts, ctx, { ...chosen, login: { accountId: subjectOf(user), amr: ['pwd'] } })
}

async function chooseAccount(
  parts: InteractionParts,
  ctx: InteractionContext,
  details: InteractionDetails,
  form: URLSearchParams,
): Promise<void> {
  const current = currentUser(parts, details)
  const isCurrent = current !== undefined && form.get('account') === current.username
  if (details.prompt.name !== 'select_account' || !isCurrent) return sendExpired(ctx)
  return finish(parts, ctx, { select_account: {} })
}

async function decide(
  parts: InteractionParts,
  ctx: InteractionContext,
  details: InteractionDetails,
  form: URLSearchParams,
): Promise<void> {
  const user = currentUser(parts, details)
  if (details.prompt.name !== 'consent' || !user) return sendExpired(ctx)
  if (form.get('decision') !== 'allow') return finish(parts, ctx, denial)
  const requested = requestedScopes(details, parts.scopes)
  const ticked = new Set(form.getAll('scope'))
  const granted = requested.filter((scope) => ticked.has(scope) || parts.scopes.isRequired(scope))
  if (granted.length === 0) return finish(parts, ctx, denial)
  const grantId = await saveConsent(parts, {
    subject: subjectOf(user),
    clientId: textOf(details.params['client_id']) ?? '',
    granted,
    rejected: requested.filter((scope) => !granted.includes(scope)),
    offline: details.params['access_type'] === 'offline',
  })
  return finish(parts, ctx, { consent: { grantId } })
}

async function finish(
  { provider }: InteractionParts,
  ctx: InteractionContext,
  result: Parameters<Provider['interactionResult']>[2],
): Promise<void> {
  ctx.status = 303
  ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result))
}

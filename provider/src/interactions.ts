import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import type { Consents } from './consents.ts'
import { paths } from './endpoints.ts'
import { accountPage } from './pages/account-page.ts'
import { consentPage } from './pages/consent-page.ts'
import { loginPage } from './pages/login-page.ts'
import { messagePage } from './pages/message-page.ts'
import { formTarget, sendPage, type PageContext } from './pages/send-page.ts'
import { readBody } from './read-body.ts'
import { saveConsent } from './save-consent.ts'
import type { ScopeCatalogue } from './scopes.ts'
import { subjectOf, type ProviderUser, type UserDirectory } from './users.ts'

/** What the log-in and consent pages work with. */
export interface InteractionParts {
  readonly provider: Provider
  readonly users: UserDirectory
  readonly scopes: ScopeCatalogue
  readonly consents: Consents
}

/** One interaction of a user, as oidc-provider keeps it. */
export type InteractionDetails = Awaited<ReturnType<Provider['interactionDetails']>>

interface InteractionContext extends PageContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string | string[] | undefined>>
  status: number
  respond?: boolean
  redirect(url: string): void
  get(field: string): string
}

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
    else if (ctx.method === 'GET' && step === undefined) await show(parts, ctx, details)
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

function sendExpired(ctx: InteractionContext): void {
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

async function show(parts: InteractionParts, ctx: InteractionContext, details: InteractionDetails): Promise<void> {
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

async function showLogin(
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
  const page = consentPage({
    action: actionOf(details),
    clientName: await nameOfClient(provider, details),
    user,
    scopes: requestedScopes(details, scopes).map((scope) => ({
      scope,
      description: scopes.describe(scope),
      required: scopes.isRequired(scope),
    })),
    offline: details.params['access_type'] === 'offline',
  })
  sendPage(ctx, page, targetsOf(details))
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

function currentUser({ users }: InteractionParts, details: InteractionDetails): ProviderUser | undefined {
  const subject = details.session?.accountId
  return subject === undefined ? undefined : users.withSubject(subject)
}

function requestedScopes(details: InteractionDetails, scopes: ScopeCatalogue): string[] {
  const known = new Set(scopes.names)
  return (textOf(details.params['scope']) ?? '').split(' ').filter((scope) => known.has(scope))
}

async function nameOfClient(provider: Provider, details: InteractionDetails): Promise<string> {
  const id = textOf(details.params['client_id']) ?? ''
  const client = await provider.Client.find(id)
  return client?.clientName ?? id
}

function actionOf(details: InteractionDetails): string {
  return `${paths.interaction}/${details.uid}`
}

function targetsOf(details: InteractionDetails): string[] {
  const target = formTarget(textOf(details.params['redirect_uri']) ?? '')
  return target === undefined ? [] : [target]
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

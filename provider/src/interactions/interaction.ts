import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import type { Consents } from '../consents.ts'
import { paths } from '../endpoints.ts'
import type { PageContext } from '../pages/send-page.ts'
import type { ScopeCatalogue } from '../scopes.ts'
import type { ProviderUser, UserDirectory } from '../users.ts'

/** What the login and consent pages work with. */
export interface InteractionParts {
  readonly provider: Provider
  readonly users: UserDirectory
  readonly scopes: ScopeCatalogue
  readonly consents: Consents
}

/** One interaction of a user, as oidc-provider keeps it. */
export type InteractionDetails = Awaited<ReturnType<Provider['interactionDetails']>>

/** The part of a Koa context that the interactions need. */
export interface InteractionContext extends PageContext {
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

/** Who is logged in in the browser of the interaction. */
export function currentUser({ users }: InteractionParts, details: InteractionDetails): ProviderUser | undefined {
  const subject = details.session?.accountId
  return subject === undefined ? undefined : users.withSubject(subject)
}

/** The scopes that the request asks for, the unknown ones left out. */
export function requestedScopes(details: InteractionDetails, scopes: ScopeCatalogue): string[] {
  const known = new Set(scopes.names)
  return (textOf(details.params['scope']) ?? '').split(' ').filter((scope) => known.has(scope))
}

/** What the pages call the client. */
export async function nameOfClient(provider: Provider, details: InteractionDetails): Promise<string> {
  const id = textOf(details.params['client_id']) ?? ''
  const client = await provider.Client.find(id)
  return client?.clientName ?? id
}

/** The address of the interaction, below which its forms post. */
export function actionOf(details: InteractionDetails): string {
  return `${paths.interaction}/${details.uid}`
}

/** A parameter's value when it is text. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

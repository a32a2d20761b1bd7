import { isForm, readBody, readForm } from './form.ts'
import { problemOf } from './problem.ts'
import { isOwn } from './program.ts'
import { NO_STORE, redirect, respond } from './respond.ts'
import { safeReturnTo } from './return-to.ts'
import { homeOf, subjectOf, type Ask, type NamedClient, type Web } from './web.ts'

/** Disconnects a grant of the user who is logged in. */
export async function disconnect(web: Web, ask: Ask, client: NamedClient): Promise<Response> {
  const { request } = ask
  if (!isOwn(request, web.site.origin)) return respond(web, ask, { status: 403, code: 'cross_site', client })
  const fields = await fieldsOf(request)
  // Without its fields the request could mean another account.
  if (fields === undefined) return respond(web, ask, { status: 415, code: 'method_not_allowed', client })
  const wanted = fields['return_to'] ?? ''
  const returnTo = wanted === '' ? homeOf(web) : safeReturnTo(wanted)
  if (returnTo === undefined) return respond(web, ask, { status: 400, code: 'invalid_return_to', client })
  const subject = await subjectOf(web, ask)
  if (subject === undefined) return respond(web, ask, { status: 401, code: 'not_logged_in', client })
  try {
    await web.grants.disconnect(client.name, subject, { account: fields['account'] ?? '' })
  } catch (error) {
    const problem = problemOf(error)
    if (problem === undefined) throw error
    return respond(web, ask, { ...problem, client })
  }
  return ask.isNavigation ? redirect(returnTo) : new Response(null, { status: 204, headers: NO_STORE })
}

type Fields = Readonly<Record<string, string | undefined>>

/** Reads a form, or JSON of a program. Undefined for anything else. */
async function fieldsOf(request: Request): Promise<Fields | undefined> {
  const type = request.headers.get('content-type')
  if (request.body === null || isForm(type)) {
    const form = await readForm(request)
    return form && Object.fromEntries(form)
  }
  if (!/^application\/json\s*(;|$)/i.test(type ?? '')) return undefined
  const value = parsed((await readBody(request)) ?? '')
  if (typeof value !== 'object' || value === null) return undefined
  return Object.fromEntries(Object.entries(value).filter(([, member]) => typeof member === 'string'))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

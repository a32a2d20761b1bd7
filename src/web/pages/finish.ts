import type { PageContent } from './content.ts'
import { drawPage, type DrawnPage, type Look } from './draw.ts'
import { contentIn } from './texts.ts'

/** Where the page `finish` sends the browser. */
export interface FinishTarget {
  readonly url: string
  readonly method: 'GET' | 'POST'
  /** The fields to post again. */
  readonly fields?: Readonly<Record<string, string>>
}

/** The click, because a field named `submit` would hide the form's method. */
const SUBMIT = "document.querySelector('form>button').click()"

/**
 * Draws the page that sends the browser on automatically, now with the cookies that this site sets only for itself.
 * The response to a POST must not redirect to another origin: browsers apply `form-action` to it. To go to the
 * provider from there, return this page with `GET` and the provider's address.
 */
export async function finishPage(
  target: FinishTarget,
  look: Look,
  content: PageContent = contentIn(undefined, 'finish', { status: 200, label: '', actions: [] }),
): Promise<DrawnPage> {
  const { fields = {}, method, url } = target
  const isPost = method === 'POST'
  const label = content.actions[0]?.label ?? 'Continue'
  const action = { href: url, label, ...(isPost && { method: 'post' as const, fields }) }
  return drawPage({ ...content, actions: [action] }, look, isPost ? { script: SUBMIT } : { refresh: url })
}

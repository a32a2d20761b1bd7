import { type IncomingMessage, request as sendRequest } from 'node:http'

/** A response over HTTP. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

/** Sends a request as a browser does: `fetch` keeps some of these headers to itself. */
export function send(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = sendRequest(url, { method, headers: { ...NAVIGATION, ...headers } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    request.once('error', reject).end(body)
  })
}

/** What a browser sends as it opens a page of this site. */
export const NAVIGATION = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-origin' }
export const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
/** The cookies that a response sets, as the next request sends them. */
export const cookiesOf = (answer: Answer): string =>
  (answer.headers['set-cookie'] ?? []).map((each) => each.split(';')[0]).join('; ')

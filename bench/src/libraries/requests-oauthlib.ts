import type { Library } from './library.ts'

/** Its process is `workers/requests_oauthlib_worker.py`. */
export const requestsOauthlib: Library = {
  name: 'requests-oauthlib (Python)',
  how: 'auto_refresh_url with a token_updater; a caller is a thread',
}

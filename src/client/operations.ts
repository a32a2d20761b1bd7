/** What a client does at its provider. */
export { authorizationRequest } from './flows/authorization-request.ts'
export { requestClientCredentials } from './flows/client-credentials.ts'
export { exchangeCode, exchangeUnsolicited } from './flows/code-exchange.ts'
export { prepareRedemption } from './flows/refresh-token.ts'
export { introspectToken } from './endpoints/introspection.ts'
export { revokeToken } from './endpoints/revocation.ts'
export { fetchUserInfo } from './endpoints/user-info.ts'

/**
 * OAuth 2 access tokens that are always fresh.
 *
 * ```ts
 * const provider = providers.google
 * const google = new OAuth2Client({ provider, clientId, clientSecret, redirectUri, scope: ['openid', 'email'] })
 * const keys = keyRing(env.EVERGRANT_KEYS)
 * const grants = new Grants({ clients: { google }, store: sqliteStore('grants.db'), keys })
 * const pending = await grants.connect('google', user.id)
 * await grants.complete(request, pending, { subject: user.id })
 * const response = await grants.session('google', user.id).fetch('https://www.googleapis.com/oauth2/v1/userinfo')
 * ```
 * @module
 */
export { OAuth2Client } from './client/oauth2-client.ts'
export type {
  AuthorizationOptions,
  Callback,
  CallbackFields,
  ClientCredentialsOptions,
  Introspection,
  KeptLogin,
  NodeRequest,
  OAuth2ClientOptions,
  PendingLogin,
  RefreshOptions,
  TokenTypeHint,
  UserInfo,
} from './client/oauth2-client.ts'
export type { ClientAuth, ClientAuthRequest } from './model/client-auth.ts'
export type { Transport, TransportAnswer, TransportRequest } from './client/http/transport.ts'
export type { Clock } from './util/clock.ts'
export {
  AuthorizationError,
  CallbackError,
  ConfigError,
  DiscoveryError,
  EvergrantError,
  GrantNotFoundError,
  InsecureTransportError,
  OriginNotAllowedError,
  ProviderUnavailableError,
  ReauthorizationRequiredError,
  RefreshTimeoutError,
  SealError,
  StoreError,
  TokenRequestError,
  TokenResponseError,
  UnreadableRecordError,
  isEvergrantError,
} from './model/errors.ts'
export type { CallbackErrorCode, ReauthorizationReason } from './model/errors.ts'
export type { GrantEvents, GrantListener, RefreshCause } from './model/events.ts'
export { fetchWith, staticSource } from './fetch/fetch-with.ts'
export type { FetchWithOptions } from './fetch/fetch-with.ts'
export type { GrantKey } from './model/grant-key.ts'
export { Grants } from './grants.ts'
export type { AccountOption, ClientResolver, CompletedLogin, ConnectOptions, GrantsOptions, Obtain } from './grants.ts'
export { importToken, type ImportOptions } from './model/import-token.ts'
export type { Logger } from './model/logger.ts'
export type { Provider, ProviderRefresh, Refusal, RejectedAnswer, ServerMetadata } from './model/provider.ts'
export type { Background } from './refresh/background.ts'
export type { DisconnectOptions } from './refresh/disconnecting.ts'
export type { KeepFresh, KeepFreshOptions, KeepFreshStats } from './refresh/worker.ts'
export type { Identity } from './refresh/identity.ts'
export type { ListOptions } from './grants/list-grants.ts'
export type { CompleteOptions, LoginResult, UnsolicitedOptions } from './login/login.ts'
export type { RefreshPolicy } from './refresh/policy.ts'
export type { DocumentOptions, SealedDocuments } from './refresh/sealed-documents.ts'
export type { GrantDetails } from './refresh/details.ts'
export type { GrantStatus, ListedGrant } from './refresh/status.ts'
export type { UnfinishedError, UnfinishedPart } from './grants/unfinished.ts'
export type { KeyRing } from './seal/key-ring.ts'
export { OAuth2Session } from './session.ts'
export type { OAuth2SessionOptions } from './session.ts'
export { memoryStore } from './stores/memory.ts'
export type { MemoryStoreOptions } from './stores/memory.ts'
export type { Change, ChangesAnswer, ChangesRequest } from './stores/changes.ts'
export type { DocumentAnswer, StoredDocument } from './stores/documents.ts'
export type { GrantCount, GrantStore, ListFilter } from './stores/store.ts'
export type { TokenOptions, TokenSource } from './model/token-source.ts'
export type { AccessToken, JsonValue, Token } from './model/token.ts'

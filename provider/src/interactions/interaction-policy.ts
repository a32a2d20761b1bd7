import { interactionPolicy } from 'oidc-provider'
import { asksOffline, type Consents } from '../consents.ts'

/** When the user must choose an account, log in or consent: oidc-provider's rules with Google's additions. */
export function googlePolicy(consents: Consents): interactionPolicy.DefaultPolicy {
  const { base, Check, Prompt } = interactionPolicy
  const policy = base()
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0)
  const consentChecks = policy.get('consent')?.checks
  // A remembered consent counts for native clients too, as it does at Google.
  consentChecks?.remove('native_client_prompt')
  consentChecks?.add(
    new Check('offline_access_missing', 'access while the user is away was not granted', 'consent_required', (ctx) => {
      const { account, client, result } = ctx.oidc
      if (!asksOffline(ctx) || result?.consent || !account || !client) return Check.NO_NEED_TO_PROMPT
      return consents.get(account.accountId, client.clientId)?.offline ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT
    }),
  )
  return policy
}

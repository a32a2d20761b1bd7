import type { Configuration, ErrorOut, KoaContextWithOIDC } from 'oidc-provider'
import { paths } from '../endpoints.ts'
import { html, type Html } from './html.ts'
import { messagePage } from './message-page.ts'
import { sendPage } from './send-page.ts'

type Features = NonNullable<Configuration['features']>
type DeviceFlow = NonNullable<Features['deviceFlow']>
type Logout = NonNullable<Features['rpInitiatedLogout']>

/** The page of an error that cannot be sent back to the client, for instance an unknown redirect URI. */
export function errorPage(ctx: KoaContextWithOIDC, out: ErrorOut): void {
  sendPage(
    ctx,
    messagePage(
      'This request is invalid',
      out.error_description ?? 'The application sent something that this server does not accept.',
      html`<span class="soft">Error code: <code>${out.error}</code></span>`,
    ),
  )
}

/** The pages on which a user connects a device. */
export function devicePages(): Pick<DeviceFlow, 'userCodeInputSource' | 'userCodeConfirmSource' | 'successSource'> {
  return {
    userCodeInputSource: (ctx, _form, _out, error) => {
      const problem = error && describeDeviceProblem(error)
      sendPage(ctx, {
        title: 'Connect a device',
        body: html`<h1>Connect a device</h1>
          <p class="soft">Enter the code that your device shows.</p>
          ${problem !== undefined && html`<p class="alarm" role="alert">${problem}</p>`}
          <form method="post" action="${paths.deviceVerification}">
            ${crossSiteToken(ctx, 'xsrf')}
            <div class="field code">
              <label for="user_code">Code</label>
              <input
                id="user_code"
                name="user_code"
                type="text"
                autocomplete="off"
                autocapitalize="characters"
                spellcheck="false"
                required
                autofocus
              />
            </div>
            <div class="actions"><button type="submit">Continue</button></div>
          </form>`,
      })
    },
    userCodeConfirmSource: (ctx, _form, client, _deviceInfo, userCode) => {
      sendPage(ctx, {
        title: 'Is this your device?',
        body: html`<h1>Is this your device?</h1>
          <p class="soft"><strong>${client.clientName ?? client.clientId}</strong> should show this code:</p>
          <p class="user-code">${userCode}</p>
          <form method="post" action="${paths.deviceVerification}">
            ${crossSiteToken(ctx, 'xsrf')}
            <input type="hidden" name="user_code" value="${userCode}" />
            <input type="hidden" name="confirm" value="yes" />
            <div class="actions">
              <button type="submit">Yes, continue</button>
              <button type="submit" class="quiet" name="abort" value="yes">No, cancel</button>
            </div>
          </form>`,
      })
    },
    successSource: (ctx) => {
      sendPage(ctx, messagePage('Your device is connected', 'You can close this page and go back to the device.'))
    },
  }
}

/** The pages on which a user logs out of the provider. */
export function logoutPages(): Pick<Logout, 'logoutSource' | 'postLogoutSuccessSource'> {
  return {
    logoutSource: (ctx) => {
      sendPage(ctx, {
        title: 'Log out',
        body: html`<h1>Log out of this server?</h1>
          <p class="soft">Applications that you have connected stay connected.</p>
          <form method="post" action="${paths.endSession}/confirm">
            ${crossSiteToken(ctx, 'xsrf')}
            <div class="actions">
              <button type="submit" name="logout" value="yes">Log out</button>
              <button type="submit" class="quiet">Stay logged in</button>
            </div>
          </form>`,
      })
    },
    postLogoutSuccessSource: (ctx) => {
      sendPage(ctx, messagePage('Done', 'You can close this page.'))
    },
  }
}

/** Returns the field that oidc-provider compares with the session, so that no other site can post the form. */
function crossSiteToken(ctx: KoaContextWithOIDC, name: string): Html {
  const secret = ctx.oidc.session?.state?.['secret']
  return html`<input type="hidden" name="${name}" value="${typeof secret === 'string' ? secret : ''}" />`
}

function describeDeviceProblem(error: Error): string {
  switch (error.name) {
    case 'NoCodeError':
    case 'NotFoundError':
      return 'No device is waiting with this code. Check the code.'
    case 'ExpiredError':
      return 'This code has expired. Ask the device for a new one.'
    case 'AlreadyUsedError':
      return 'This code was already used. Ask the device for a new one.'
    case 'AbortedError':
      return 'The device was not connected.'
    default:
      return 'Something went wrong. Try again.'
  }
}

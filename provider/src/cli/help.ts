/** What `--help` prints. */
export const helpText = `Usage: evergrant-provider [options]

Starts an authorization server for development, in the shape of Google's.
Log in as alice / wonderland or bob / builder.

Options
  --port <number>                    port to listen on; 0 takes a free one (default 4000)
  --host <address>                   address to listen on (default 127.0.0.1)
  --access-token-lifetime <duration> lifetime of access tokens (default 60s)
  --refresh-token-lifetime <duration>
                                     lifetime of refresh tokens (default 180d)
  --rotate                           replace the refresh token at each refresh
  --reuse revoke|refuse|<duration>   if a replaced refresh token is sent again: end the grant,
                                     reject it, or accept it for this time (default revoke)
  --latency <duration>               delay of the token endpoint (default 0ms)
  --redirect-uri <url>               redirect URI of the ready client; may be repeated
                                     (default http://localhost:3000/callback)
  --client-id <id>                   id of the ready client (default evergrant-demo)
  --client-secret <secret>           its secret (default random)
  --json                             print the endpoints and the client as one line of JSON
  -h, --help                         print this

Durations are written 500ms, 60s, 5m, 1h or 2d.
`

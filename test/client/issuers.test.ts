import { expect, test } from 'vitest'
import { isIssuerOf, isOfFamily, mayName, sameIssuer } from '../../src/client/issuers.ts'

const entra = 'https://login.example/{tenantid}/v2.0'
const older = 'https://sts.example/{tenantid}/'

test.each<[string, string, string[]]>([
  ['https://as.example', 'https://as.example', []],
  ['https://as.example', 'https://as.example/', []],
  ['https://as.example', 'as.example', []],
  ['as.example/', 'https://AS.example:443', []],
  // Plain http is for this machine only.
  ['http://localhost:8080', 'localhost:8080/', []],
  ['http://localhost:80', 'https://localhost:443', []],
  ['http://127.0.0.1:8080', '127.0.0.1:8080', []],
  ['http://[::1]:8080/', 'https://[::1]:8080', []],
  ['https://as.example/t', 'as.example/t//', []],
  ['https://old.example', 'https://new.example', ['https://new.example', 'https://old.example/']],
  ['old.example', 'older.example', ['https://new.example', 'https://old.example', 'https://older.example']],
  ['https://login.example/t1/v2.0', 'https://sts.example/t1/', [entra, older]],
])('two issuers are one: %s and %s', (a, b, family) => {
  expect(sameIssuer(a, b, family)).toBe(true)
  expect(sameIssuer(b, a, family)).toBe(true)
})

test.each<[unknown, unknown, string[]]>([
  ['https://as.example', 'https://other.example', []],
  ['https://as.example', 'http://as.example', []],
  ['as.example', 'http://as.example', []],
  ['https://as.example', 'com.example://as.example', []],
  ['https://localhost.example', 'http://localhost.example', []],
  ['https://127.0.0.1.example', 'http://127.0.0.1.example', []],
  ['https://as.example', 'https://as.example:8443', []],
  ['http://localhost', 'http://localhost:443', []],
  ['http://localhost:80', 'https://localhost:80', []],
  ['https://as.example/t', 'https://as.example/T', []],
  ['https://as.example', 'https://as.example/t', []],
  ['https://old.example', 'https://stranger.example', ['https://new.example', 'https://old.example']],
  ['https://login.example/t1/v2.0', 'https://login.example/t2/v2.0', [entra]],
  ['https://login.example/t1/v2.0', 'https://sts.example/t2/', [entra, older]],
  ['https://login.example/t1/v2.0', entra, [entra]],
  [undefined, undefined, []],
  ['', undefined, ['']],
  [5, 5, []],
])('two issuers are two: %s and %s', (a, b, family) => {
  expect(sameIssuer(a, b, family)).toBe(false)
  expect(sameIssuer(b, a, family)).toBe(false)
})

test.each<[string, boolean]>([
  ['https://login.example/11111111-2222/v2.0', true],
  ['https://login.example/contoso.example/v2.0', true],
  ['https://login.example//v2.0', false],
  ['https://login.example/v2.0', false],
  ['https://login.example/a/b/v2.0', false],
  ['https://login.example/../v2.0', false],
  ['https://login.example/a?/v2.0', false],
  ['https://login.example/a/v2.0/', false],
  ['https://evil.example/a/v2.0', false],
])('%s is of a tenant: %s', (issuer, expected) => {
  expect(isIssuerOf(entra, issuer)).toBe(expected)
  expect(isOfFamily(issuer, ['https://x.example', entra])).toBe(expected || issuer.endsWith('v2.0/'))
})

test('a token names an issuer letter by letter, in another spelling only for a grant that is known, and the tenant that it says', () => {
  const named = (issuer: string, tenant: unknown, family: string[], anySpelling = false): boolean =>
    mayName(issuer, tenant, family, { anySpelling })
  expect(named('https://as.example', undefined, ['https://as.example'])).toBe(true)
  expect(named('as.example', undefined, ['https://as.example'])).toBe(false)
  // The form itself is of no tenant.
  for (const tenant of ['', undefined, '{tenantid}']) expect(named(entra, tenant, [entra])).toBe(false)
  expect(named('as.example', undefined, ['https://as.example', 'as.example'])).toBe(true)
  expect(named('as.example/', undefined, ['https://as.example'], true)).toBe(true)
  expect(named('https://login.example/t1/v2.0', 't1', [entra])).toBe(true)
  for (const tenant of ['t2', undefined, '', 5, '{tenantid}'])
    expect(named('https://login.example/t1/v2.0', tenant, [entra], true)).toBe(false)
  expect(named(entra, '{tenantid}', [entra])).toBe(false)
  expect(named(entra, undefined, [entra])).toBe(false)
})

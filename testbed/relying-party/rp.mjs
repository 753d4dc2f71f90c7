// A relying party by others (openid-client, certified by the OpenID Foundation; jose). Knows the standards; does not know Usher.
//
//   rp.mjs sign-in          signs somebody in with the session cookie in COOKIE, by a request that is pushed ahead if PAR is set,
//                           and bound to a key if DPOP is set; tries whatever the discovery document announces; prints what it was told
//   rp.mjs device           is let in as a device without a browser by whoever has the session cookie in COOKIE, and prints the same
//   rp.mjs logout-token     verifies the logout token on standard input; prints what it says
//
// ISSUER is the provider, CLIENT_ID and CLIENT_SECRET are the app's (no secret: a public one), CALLBACK is its redirect URI.
// BACK_TO is where browsers go after signing out. ID_TOKEN_ALG is the only algorithm of ID tokens that it takes, if it is set.
// The provider believes to be at PUBLIC and listens at SERVER.

import { readFileSync } from 'node:fs'
import * as oidc from 'openid-client'
import * as jose from 'jose'

const { ISSUER, PUBLIC, SERVER, CLIENT_ID, CLIENT_SECRET, CALLBACK, COOKIE, PAR, DPOP, ID_TOKEN_ALG, BACK_TO } = process.env
const here = (url, options) => fetch(String(url).replace(PUBLIC, SERVER), options)

const config = await oidc.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  ID_TOKEN_ALG && { id_token_signed_response_alg: ID_TOKEN_ALG },
  CLIENT_SECRET ? oidc.ClientSecretBasic(CLIENT_SECRET) : oidc.None(),
  // The signature of an ID token is verified although it came over the wire from the provider itself.
  { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks], [oidc.customFetch]: here },
)
// With DPOP, everything is bound to a key that this program alone has.
const bound = DPOP ? { DPoP: oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair()) } : undefined
const metadata = config.serverMetadata()
const keys = jose.createLocalJWKSet(await (await here(metadata.jwks_uri)).json())

// What an API does with a token that it is shown (RFC 9068 §4).
const asAnApi = async (token) =>
  (await jose.jwtVerify(token, keys, { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt' })).payload

async function signIn() {
  const verifier = oidc.randomPKCECodeVerifier()
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
  const request = {
    redirect_uri: CALLBACK,
    scope: 'openid profile roles organisation permissions',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    max_age: '3600',
  }
  const asked = async (more) =>
    PAR ? oidc.buildAuthorizationUrlWithPAR(config, { ...request, ...more }, bound) : oidc.buildAuthorizationUrl(config, { ...request, ...more })
  const address = await asked({})
  const answer = await here(address, { redirect: 'manual', headers: { cookie: COOKIE } })
  const callback = new URL(answer.headers.get('location'))
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true, maxAge: 3600 }
  const tokens = await oidc.authorizationCodeGrant(config, callback, checks, undefined, bound)
  const claims = tokens.claims()
  const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub, bound)
  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, bound)
  const again = await oidc.refreshTokenGrant(config, refreshed.refresh_token, undefined, bound)
  const api = await asAnApi(again.access_token)

  let introspected
  let revoked
  if (CLIENT_SECRET) {
    introspected = await oidc.tokenIntrospection(config, again.access_token)
    await oidc.tokenRevocation(config, again.refresh_token)
    revoked = await oidc.tokenIntrospection(config, again.access_token)
  } else {
    await oidc.tokenRevocation(config, again.refresh_token)
  }
  const afterwards = await oidc.refreshTokenGrant(config, again.refresh_token, undefined, bound).then(
    () => 'tokens',
    (error) => error.error,
  )
  const leave = oidc.buildEndSessionUrl(config, {
    id_token_hint: again.id_token,
    post_logout_redirect_uri: BACK_TO,
    state,
  })
  const left = await here(leave, { redirect: 'manual', headers: { cookie: COOKIE } })
  const silent = await asked({ prompt: 'none' })
  const refused = await here(silent, { redirect: 'manual', headers: { cookie: COOKIE } })
  const outcome = await oidc
    .authorizationCodeGrant(config, new URL(refused.headers.get('location')), checks)
    .then(() => 'tokens', (error) => error.error)
  const home = new URL(left.headers.get('location'))
  return {
    claims,
    userinfo,
    api,
    kind: tokens.token_type,
    introspected,
    revoked,
    afterwards,
    left: { home: home.origin + home.pathname, state: home.searchParams.get('state') === state },
    outcome,
  }
}

async function device() {
  const waiting = await oidc.initiateDeviceAuthorization(config, { scope: 'openid profile roles' })
  const page = (fields) =>
    here(waiting.verification_uri, { method: 'POST', headers: { cookie: COOKIE }, body: new URLSearchParams(fields) })
  const shown = await page({ user_code: waiting.user_code })
  const done = await page({ user_code: waiting.user_code, answer: 'let-in' })
  const tokens = await oidc.pollDeviceAuthorizationGrant(config, waiting)
  const claims = tokens.claims()
  const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)
  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token)
  return { pages: [shown.status, done.status], claims, userinfo, api: await asAnApi(refreshed.access_token) }
}

async function logoutToken() {
  const token = readFileSync(0, 'utf8').trim()
  const rules = { issuer: ISSUER, audience: CLIENT_ID, typ: 'logout+jwt', maxTokenAge: '2 minutes', requiredClaims: ['jti', 'sid', 'events'] }
  return (await jose.jwtVerify(token, keys, rules)).payload
}

const verbs = { 'sign-in': signIn, device, 'logout-token': logoutToken }
console.log(JSON.stringify(await verbs[process.argv[2]]()))

// An app that signs people in through Usher, asks what they may do, and hears when they are gone.
//
//   npm ci && node --env-file=app.env app.mjs      (docs/integrate.md says how app.env is made)
//
//   APP_URL, PORT             where browsers find this app, and the port at which it listens (of APP_URL, if not said)
//   ISSUER                    Usher as the OpenID provider of one tenant
//   CLIENT_ID, CLIENT_SECRET  what `usher app create` printed
//   API, API_TOKEN            the tenant's API, and a credential that may ask there
//   PERMISSION                what is asked about
//
// Sessions are in memory: an app of several processes keeps them in a database, so that each hears of every end.
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import * as jose from 'jose'
import * as oidc from 'openid-client'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, API, API_TOKEN } = process.env
const { APP_URL = 'http://127.0.0.1:3001', PORT = new URL(APP_URL).port, PERMISSION = 'materials.approve' } = process.env
const HOURS = 12

// A signature is checked although the token comes from the provider itself; http is for a provider on this machine.
const execute = [oidc.enableNonRepudiationChecks, ...(ISSUER.startsWith('http://127.0.0.1') ? [oidc.allowInsecureRequests] : [])]
const usher = await oidc.discovery(new URL(ISSUER), CLIENT_ID, undefined, oidc.ClientSecretBasic(CLIENT_SECRET), { execute })
const keys = jose.createRemoteJWKSet(new URL(usher.serverMetadata().jwks_uri))

/** What the browser's cookie names: who is signed in, until when, and the provider's name of the session (`sid`). */
const sessions = new Map()

// ---- Signing in

async function login() {
  const flow = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier() }
  const to = oidc.buildAuthorizationUrl(usher, {
    redirect_uri: `${APP_URL}/callback`,
    scope: 'openid profile roles organisation',
    state: flow.state,
    nonce: flow.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(flow.verifier),
    code_challenge_method: 'S256',
  })
  // The answer counts in this browser alone, for ten minutes.
  const kept = Buffer.from(JSON.stringify(flow)).toString('base64url')
  return goTo(to.href, setCookie('flow', kept, 600))
}

async function callback(request, url) {
  let tokens
  try {
    const flow = JSON.parse(Buffer.from(cookie(request, 'flow') ?? '', 'base64url').toString())
    tokens = await oidc.authorizationCodeGrant(usher, url, {
      pkceCodeVerifier: flow.verifier,
      expectedState: flow.state,
      expectedNonce: flow.nonce,
      idTokenExpected: true,
    })
  } catch (error) {
    console.error('a sign-in failed:', error.code ?? error.message)
    return page(400, '<p>The sign-in did not work. <a href="/login">Try again</a></p>', setCookie('flow', '', 0))
  }
  sessions.delete(cookie(request, 'session')) // whoever signs in gets another session, never the one before
  for (const [id, { until }] of sessions) if (until < Date.now()) sessions.delete(id)
  const id = randomBytes(32).toString('base64url')
  const who = tokens.claims()
  sessions.set(id, { who, sid: who.sid, idToken: tokens.id_token, until: Date.now() + HOURS * 3_600_000 })
  return goTo('/', setCookie('flow', '', 0), setCookie('session', id, HOURS * 3600))
}

function signedIn(request) {
  const session = sessions.get(cookie(request, 'session'))
  return session && session.until > Date.now() ? session : undefined
}

// ---- What somebody may do

/**
 * May this person do this where they belong, and why? Usher says no of whoever is gone; without an answer it is no, too. With
 * `obligations` it is yes if the product sees to these conditions, which only the product knows.
 */
async function decide(who, permission) {
  const here = who.org_unit ? `?orgUnit=${encodeURIComponent(who.org_unit.key)}` : ''
  const address = `${API}/users/${who.sub}/permissions/${encodeURIComponent(permission)}${here}`
  try {
    const answer = await fetch(address, { headers: { authorization: `Bearer ${API_TOKEN}` }, signal: AbortSignal.timeout(5000) })
    if (!answer.ok) throw new Error(`Usher answered ${answer.status}`)
    return await answer.json()
  } catch (error) {
    console.error('nothing was decided:', error.message)
    return { allowed: false, obligations: [], reasons: [{ sentence: 'The question could not be asked.' }] }
  }
}

async function home(request) {
  const session = signedIn(request)
  if (!session) return page(200, '<p>Nobody is signed in. <a href="/login">Sign in</a></p>')
  const { who } = session
  const decision = await decide(who, PERMISSION)
  const conditions = decision.obligations.map(({ en }) => `<li>To be seen to: ${escaped(en)}.</li>`)
  const reasons = decision.reasons.map(({ sentence }) => `<li>${escaped(sentence)}</li>`)
  return page(200, `
    <p>Signed in: <b>${escaped(who.name ?? who.preferred_username)}</b></p>
    <p>Roles: ${escaped(listed(who.roles))}. Workspaces: ${escaped(listed(who.workspaces))}.</p>
    <p>${escaped(PERMISSION)}: <b>${decision.allowed ? 'allowed' : 'refused'}</b></p>
    <ul>${[...conditions, ...reasons].join('')}</ul>
    <form method="post" action="/logout"><button>Sign out</button></form>`)
}

// ---- Signing out, here and elsewhere

function logout(request) {
  const session = signedIn(request)
  sessions.delete(cookie(request, 'session'))
  if (!session) return goTo('/', setCookie('session', '', 0))
  const to = oidc.buildEndSessionUrl(usher, { id_token_hint: session.idToken, post_logout_redirect_uri: `${APP_URL}/` })
  return goTo(to.href, setCookie('session', '', 0))
}

/** OpenID Connect Back-Channel Logout 1.0 §2.6. Told twice, it ends nothing twice. */
async function backchannelLogout(request) {
  try {
    const token = new URLSearchParams(await read(request)).get('logout_token') ?? ''
    const rules = { issuer: ISSUER, audience: CLIENT_ID, typ: 'logout+jwt', clockTolerance: 5, requiredClaims: ['iat', 'exp', 'jti', 'sid'] }
    const { payload } = await jose.jwtVerify(token, keys, rules)
    const event = payload.events?.['http://schemas.openid.net/event/backchannel-logout']
    if (typeof event !== 'object' || 'nonce' in payload) throw new Error('not a logout token')
    for (const [id, session] of sessions) if (session.sid === payload.sid) sessions.delete(id)
    return { status: 204 }
  } catch (error) {
    console.error('a logout token was refused:', error.code ?? error.message)
    return page(400, 'refused')
  }
}

// ---- HTTP

const secure = APP_URL.startsWith('https:') // then no other host can set these cookies (__Host-)
const named = (name) => `${secure ? '__Host-' : ''}node-example-${name}`
const setCookie = (name, value, seconds) =>
  `${named(name)}=${value}; Max-Age=${seconds}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
const cookie = (request, name) =>
  request.headers.cookie?.split('; ').find((part) => part.startsWith(`${named(name)}=`))?.slice(named(name).length + 1)
const goTo = (location, ...cookies) => ({ status: 303, headers: { location, 'set-cookie': cookies } })
const page = (status, body, ...cookies) => ({
  status,
  headers: { 'content-type': 'text/html; charset=utf-8', 'set-cookie': cookies },
  body: `<!doctype html><html lang="en"><title>Node example</title><h1>Node example</h1>${body}</html>`,
})
const listed = (items) => items?.length ? items.join(', ') : 'none'
const escaped = (text) => String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

async function read(request) {
  const parts = []
  let length = 0
  for await (const part of request) {
    length += part.length
    if (length > 65_536) throw new Error('too long')
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

const routes = {
  'GET /': home,
  'GET /login': login,
  'GET /callback': callback,
  'POST /logout': logout,
  'POST /backchannel-logout': backchannelLogout,
}

async function answer(request) {
  try {
    const url = new URL(request.url, APP_URL)
    const route = routes[`${request.method} ${url.pathname}`]
    return route ? await route(request, url) : page(404, '<p>Nothing is here.</p>')
  } catch (error) {
    console.error(error)
    return page(500, '<p>Something went wrong.</p>')
  }
}

createServer(async (request, response) => {
  const { status, headers, body } = await answer(request)
  const always = { 'cache-control': 'no-store', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'" }
  response.writeHead(status, { ...always, ...headers }).end(body)
}).listen(PORT, '127.0.0.1', () => console.log(`The app is at ${APP_URL}`))

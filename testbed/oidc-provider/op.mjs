// A certified OpenID provider on loopback, for the tests of sign-in. Knows OpenID Connect; does not know SCIM.
//
// Unlike Canaille it insists on PKCE, answers with RFC 9207's `iss`, takes pushed requests (RFC 9126) and clients that prove
// themselves by a key, and offers RP-initiated and back-channel logout. PORT, GATEWAY and CONNECTION (a path `tenant/connection`)
// move it; REDIRECT_URIS (comma separated) replaces the one callback. Further clients register at /reg. Where the gateway's
// address is not the one it listens on, GATEWAY_AT says where that is. POST /rotate replaces the signing keys.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const PORT = Number(process.env.PORT ?? 8086);
const GATEWAY = process.env.GATEWAY ?? 'http://127.0.0.1:9000';
const GATEWAY_AT = process.env.GATEWAY_AT ?? GATEWAY;
const CONNECTION = process.env.CONNECTION ?? 'acme/op';
const REDIRECT_URIS = process.env.REDIRECT_URIS?.split(',') ?? [`${GATEWAY}/oidc/${CONNECTION}/callback`];

// Any password is right. Hana's name is an address, as at many companies. Mallory has an unverified e-mail address of somebody else: signing in as her must never reach that person.
const people = {
  alice: { email: 'alice@acme.example', email_verified: true, name: 'Alice Abe', preferred_username: 'alice', groups: ['engineering', 'workspace-admins'], hd: 'acme.example' },
  bob: { email: 'bob@acme.example', email_verified: true, name: 'Bob Baba', preferred_username: 'bob', groups: ['sales'], hd: 'acme.example' },
  hana: { email: 'hana@acme.example', email_verified: true, name: 'Hana Hara', preferred_username: 'hana@acme.example' },
  guest: { email: 'guest@invited.example', email_verified: true, name: 'Gus Guest', preferred_username: 'guest' },
  impostor: { email: 'guest@invited.example', email_verified: false, name: 'Ian', preferred_username: 'impostor' },
  mallory: { email: 'ceo@acme.example', email_verified: false, name: 'Mallory', preferred_username: 'mallory', groups: ['workspace-admins'] },
};

function signingKeys() {
  const named = (key) => ({ ...key.export({ format: 'jwk' }), use: 'sig', kid: randomBytes(8).toString('hex') });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return { keys: [named(rsa), named(ec)] };
}

const configuration = {
  clients: [{
    client_id: 'gateway',
    client_secret: process.env.CLIENT_SECRET ?? 'gateway-secret',
    redirect_uris: REDIRECT_URIS,
    post_logout_redirect_uris: [`${GATEWAY}/`],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_basic',
    backchannel_logout_uri: `${GATEWAY}/oidc/${CONNECTION}/backchannel-logout`,
    backchannel_logout_session_required: true,
  }],
  cookies: { keys: [randomBytes(16).toString('hex')] },
  enabledJWA: { clientAuthSigningAlgValues: ['ES256', 'PS256', 'RS256'] },
  claims: {
    openid: ['sub', 'sid', 'auth_time', 'acr', 'amr'],
    email: ['email', 'email_verified'],
    profile: ['name', 'preferred_username'],
    groups: ['groups'],
    hd: ['hd'],
  },
  scopes: ['openid', 'email', 'profile', 'groups', 'hd', 'offline_access'],
  conformIdTokenClaims: false,
  // Its own guard against requests to private addresses would refuse the gateway on loopback.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(String(url).replace(GATEWAY, GATEWAY_AT), options),
  acrValues: ['urn:mfa', 'urn:pwd'],
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    registration: { enabled: true },
  },
  pkce: { required: () => true },
  async findAccount(_context, id) {
    const person = people[id];
    return person && { accountId: id, claims: async () => ({ sub: id, ...person }) };
  },
};

// What was registered and who is signed in is kept beside the providers, so that a new one differs by its keys alone.
function start() {
  const provider = new Provider(`http://127.0.0.1:${PORT}`, { ...configuration, jwks: signingKeys() });
  provider.on('server_error', (_context, error) => console.error('server_error', error));
  for (const event of ['backchannel.success', 'backchannel.error']) {
    provider.on(event, (_context, client, ...rest) => console.log(event, client?.clientId, rest.map(String).join(' ')));
  }
  return provider.callback();
}

let serve = start();
createServer((request, response) => {
  if (request.method === 'POST' && request.url === '/rotate') {
    serve = start();
    response.writeHead(204).end();
  } else {
    serve(request, response);
  }
}).listen(PORT, '127.0.0.1', () => console.log('up'));

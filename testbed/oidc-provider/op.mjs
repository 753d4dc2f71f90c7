// A certified OpenID provider on loopback, for the tests of sign-in. Knows OpenID Connect; does not know SCIM.
//
// Unlike Canaille it insists on PKCE, answers with RFC 9207's `iss`, and offers RP-initiated and back-channel logout.
// PORT, GATEWAY and CONNECTION (a path `tenant/connection`) move it; REDIRECT_URIS (comma separated) replaces the one callback.
import { randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';

const PORT = Number(process.env.PORT ?? 8086);
const GATEWAY = process.env.GATEWAY ?? 'http://127.0.0.1:9000';
const CONNECTION = process.env.CONNECTION ?? 'acme/op';
const REDIRECT_URIS = process.env.REDIRECT_URIS?.split(',') ?? [`${GATEWAY}/oidc/${CONNECTION}/callback`];

// Any password is right. Hana's name is an address, as at many companies. Mallory has an unverified e-mail address of somebody else: signing in as her must never reach that person.
const people = {
  alice: { email: 'alice@acme.example', email_verified: true, name: 'Alice Abe', preferred_username: 'alice', groups: ['engineering', 'workspace-admins'], hd: 'acme.example' },
  bob: { email: 'bob@acme.example', email_verified: true, name: 'Bob Baba', preferred_username: 'bob', groups: ['sales'], hd: 'acme.example' },
  hana: { email: 'hana@acme.example', email_verified: true, name: 'Hana Hara', preferred_username: 'hana@acme.example' },
  mallory: { email: 'ceo@acme.example', email_verified: false, name: 'Mallory', preferred_username: 'mallory', groups: ['workspace-admins'] },
};

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
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
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  acrValues: ['urn:mfa', 'urn:pwd'],
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
  },
  pkce: { required: () => true },
  async findAccount(_context, id) {
    const person = people[id];
    return person && { accountId: id, claims: async () => ({ sub: id, ...person }) };
  },
});

provider.on('server_error', (_context, error) => console.error('server_error', error));
for (const event of ['backchannel.success', 'backchannel.error']) {
  provider.on(event, (_context, client, ...rest) => console.log(event, client?.clientId, rest.map(String).join(' ')));
}
provider.listen(PORT, '127.0.0.1', () => console.log('up'));

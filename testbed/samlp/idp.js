// samlp (Auth0) as an identity provider on loopback. CERT and KEY are what it signs with; SP_CERT, if given, what it encrypts
// to, and what the other side signs with. Who it answers, the request says: its issuer is the audience, its assertion
// consumer service the destination. LOGOUT is the binding for logout, `redirect` or `post`.
const bodyParser = require('body-parser'), express = require('express'), samlp = require('samlp');
const { DOMParser } = require('@xmldom/xmldom'), { readFileSync } = require('fs'), { inflateRawSync } = require('zlib');
const { createPublicKey, randomUUID } = require('crypto'), SessionParticipants = require('samlp/lib/sessionParticipants');

const port = Number(process.env.PORT), issuer = `http://127.0.0.1:${port}/idp`;
const cert = readFileSync(process.env.CERT), key = readFileSync(process.env.KEY);
const people = {
  alice: { id: 'alice', displayName: 'Alice A', email: 'alice@acme.test', groups: ['engineering', 'workspace-admins'] },
  bob: { id: 'bob', displayName: 'Bob B', email: 'bob@acme.test', groups: ['sales'] },
};

class Mapper {
  constructor(person) { this.person = person; }
  getClaims() { const { displayName, email, groups } = this.person; return { displayName, email, groups }; }
  getNameIdentifier() {
    return { nameIdentifier: this.person.id, nameIdentifierFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent' };
  }
}
Mapper.prototype.metadata = [];

function asked(query) {
  const bytes = Buffer.from(query.SAMLRequest, 'base64');
  const root = new DOMParser().parseFromString((query.SigAlg ? inflateRawSync(bytes) : bytes).toString()).documentElement;
  return { acs: root.getAttribute('AssertionConsumerServiceURL'), issuer: root.getElementsByTagName('saml:Issuer')[0].textContent };
}

// Whom this browser's session has been given to: there is one browser.
const sessions = new SessionParticipants([]), logout = process.env.LOGOUT || 'redirect';
const binding = `urn:oasis:names:tc:SAML:2.0:bindings:HTTP-${logout === 'post' ? 'POST' : 'Redirect'}`;
const under = new Map();
const store = {
  save(request, state, done) { const id = randomUUID(); under.set(id, state); done(null, id); },
  load(request, id, options, done) { const state = under.get(id); (done || options)(null, state); },
  update(request, id, state, done) { under.set(id, state); done(null); },
};

function options(extra) {
  return {
    issuer, cert, key, lifetimeInSeconds: 300, signatureAlgorithm: 'rsa-sha256', digestAlgorithm: 'sha256',
    profileMapper: (person) => new Mapper(person), ...extra,
  };
}

// The form carries the query over, and whoever gives their name is signed in.
function form(request, response, next) {
  const name = request.body && request.body.username;
  if (people[name]) {
    request.user = people[name];
    Object.assign(request.query, request.body);
    return next();
  }
  const escaped = (text) => String(text || '').replace(/[&"<>]/g, (c) => `&#${c.charCodeAt(0)};`);
  const hidden = Object.entries(request.query).map(([k, v]) => `<input type="hidden" name="${escaped(k)}" value="${escaped(v)}">`);
  response.send(`<form method="post" action="${request.path}">${hidden.join('')}<input name="username" value=""><button>Sign in</button></form>`);
}

function answer(extra) {
  return (request, response, next) => {
    const { acs, issuer: serviceProviderId } = asked(request.query), sessionIndex = randomUUID();
    const more = typeof extra === 'function' ? extra(request) : extra;
    if (request.user) {
      const { nameIdentifier: nameId, nameIdentifierFormat: nameIdFormat } = new Mapper(request.user).getNameIdentifier();
      const serviceProviderLogoutURL = acs.replace(/acs$/, 'slo'), cert = readFileSync(process.env.SP_CERT).toString();
      sessions._participants.push({ serviceProviderId, sessionIndex, nameId, nameIdFormat, serviceProviderLogoutURL, cert, binding });
    }
    const how = options({ ...more, sessionIndex, destination: acs, recipient: acs, getPostURL: (audience, document, asking, done) => done(null, acs) });
    samlp.auth(how)(request, response, next);
  };
}

const app = express();
app.use(bodyParser.urlencoded({ extended: false }));
app.all('/sso', form, answer({ signResponse: false }));
app.all('/sso-signed', form, answer({ signResponse: true }));
app.all('/sso-encrypted', form, answer(() => {
  const encryptionCert = readFileSync(process.env.SP_CERT).toString();
  return { signResponse: false, encryptionCert, encryptionPublicKey: createPublicKey(encryptionCert).export({ type: 'spki', format: 'pem' }) };
}));
// Asked by somebody's application, answered by one, or begun here, without a message.
app.all('/logout', (request, response, next) => samlp.logout({
  ...options({}), deflate: true, protocolBinding: binding, sessionParticipants: sessions, store,
})(request, response, next));
app.get('/metadata', samlp.metadata({
  issuer, cert, profileMapper: Mapper, redirectEndpointPath: process.env.SSO || '/sso', postEndpointPath: process.env.SSO || '/sso',
  logoutEndpointPaths: { [logout]: '/logout' },
}));
app.listen(port, '127.0.0.1', () => console.log('up'));

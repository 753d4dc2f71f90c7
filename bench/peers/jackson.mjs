// @boxyhq/saml-jackson behind HTTP, for the comparison of bench/peers.py. Knows its directory-sync controller; no more is added than
// what turns an HTTP request into its request and its answer into HTTP.
//
//   PGHOST=<folder of the socket> PGUSER=<role> PORT=<port> node jackson.mjs <database>
//
// Prints one line of JSON when it answers: the path of its directory, and the secret.
import { createServer } from 'node:http';
import { controllers } from '@boxyhq/saml-jackson';

const base = `http://127.0.0.1:${process.env.PORT}`;
const { directorySyncController } = await controllers({
  externalUrl: base,
  samlPath: '/saml',
  scimPath: '/scim',
  db: { engine: 'sql', type: 'postgres', url: `postgres:///${process.argv[2]}` },
  noAnalytics: true,
  logger: { info: () => {} },
});

const wanted = { tenant: 'acme', product: 'bench', name: 'Bench', type: 'generic-scim-v2' };
const known = await directorySyncController.directories.getByTenantAndProduct(wanted.tenant, wanted.product);
const directory = known.data?.[0] ?? (await directorySyncController.directories.create(wanted)).data;

async function answer(request, response) {
  const url = new URL(request.url, base);
  const [, , directoryId, resourceType, resourceId] = url.pathname.split('/');
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
  const number = (name) => (url.searchParams.has(name) ? Number(url.searchParams.get(name)) : undefined);
  const { status, data } = await directorySyncController.requests.handle({
    method: request.method,
    body,
    directoryId,
    resourceType,
    resourceId,
    apiSecret: request.headers.authorization?.replace(/^Bearer /, ''),
    query: { count: number('count'), startIndex: number('startIndex'), filter: url.searchParams.get('filter') ?? undefined },
  });
  response.writeHead(status, { 'content-type': 'application/scim+json' }).end(JSON.stringify(data));
}

createServer((request, response) => {
  answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
}).listen(process.env.PORT, '127.0.0.1', () => {
  console.log(JSON.stringify({ path: new URL(directory.scim.path ? directory.scim.endpoint ?? base + directory.scim.path : base).pathname, secret: directory.scim.secret }));
});

// Judges one answer of a token endpoint so many times with openid-client: `node oidc.mjs FOLDER N`. Nothing leaves the process.
import { readFileSync } from "node:fs";
import * as client from "openid-client";

const [folder, times] = process.argv.slice(2);
const read = (name) => readFileSync(`${folder}/${name}.json`, "utf8");
const { issuer, client: id, nonce, code, redirect_uri } = JSON.parse(read("oidc"));
const answers = { "/token": read("answer"), "/jwks": read("jwks") };
const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  id_token_signing_alg_values_supported: ["RS256"],
};
const config = new client.Configuration(metadata, id, undefined, client.ClientSecretPost("a secret"));
config[client.customFetch] = async (url) =>
  new Response(answers[new URL(url).pathname], { headers: { "content-type": "application/json" } });
// Without this it does not verify the signature of a token that came from the token endpoint.
client.enableNonRepudiationChecks(config);
const callback = new URL(`${redirect_uri}?code=${code}&state=state`);
for (let time = 0; time < Number(times); time += 1) {
  const tokens = await client.authorizationCodeGrant(config, callback, {
    pkceCodeVerifier: "verifier",
    expectedNonce: nonce,
    expectedState: "state",
  });
  if (!tokens.claims()?.sub) throw new Error("nobody was accepted");
}

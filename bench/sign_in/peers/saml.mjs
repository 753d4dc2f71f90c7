// Verifies one response so many times with node-saml: `node saml.mjs FOLDER N`.
import { readFileSync } from "node:fs";
import { SAML } from "@node-saml/node-saml";

const [folder, times] = process.argv.slice(2);
const SAMLResponse = readFileSync(`${folder}/response.b64`, "utf8");
const saml = new SAML({
  callbackUrl: "https://usher.example/saml/acme/idp/acs",
  idpCert: readFileSync(`${folder}/certificate.pem`, "utf8"),
  idpIssuer: "https://idp.example/metadata",
  issuer: "https://usher.example/metadata/acme",
  audience: "https://usher.example/metadata/acme",
  wantAssertionsSigned: true,
  wantAuthnResponseSigned: false,
});
for (let time = 0; time < Number(times); time += 1) {
  const { profile } = await saml.validatePostResponseAsync({ SAMLResponse });
  if (!profile?.nameID) throw new Error("nobody was accepted");
}

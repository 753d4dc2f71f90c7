// What an implementation in npm makes of each document: `node read.mjs node-saml|saml20 DOCUMENTS` prints one line of JSON for
// each. Knows the implementations; does not know which documents are hostile. Nothing leaves the process.
import { createReadStream } from "node:fs";
import { Socket } from "node:net";
import { createInterface } from "node:readline";

const [implementation, documents] = process.argv.slice(2);
const lines = createInterface({ input: createReadStream(documents) })[Symbol.asyncIterator]();
const setting = JSON.parse((await lines.next()).value);

// The documents are of one moment, and so is the clock here.
const moment = Date.parse(setting.now);
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [moment]));
  }
  static now() {
    return moment;
  }
};

let wentOut = false;
Socket.prototype.connect = () => {
  wentOut = true;
  throw new Error("it wanted to go out");
};

// Deployed as for the provider of each document: its key, and what it signs.
const readers = {
  async "node-saml"() {
    const { SAML } = await import("@node-saml/node-saml");
    const pending = {
      saveAsync: async () => null,
      getAsync: async (id) => (id === setting.request ? setting.now : null),
      removeAsync: async () => null,
    };
    return async (document) => {
      const saml = new SAML({
        callbackUrl: setting.acs,
        idpCert: setting.certificates,
        idpIssuer: setting.idp,
        issuer: setting.sp,
        audience: setting.sp,
        decryptionPvk: setting.key,
        acceptedClockSkewMs: 60_000,
        wantAssertionsSigned: /^(assertion|both) /.test(document.variant ?? ""),
        wantAuthnResponseSigned: /^(response|both) /.test(document.variant ?? ""),
        validateInResponseTo: "always",
        cacheProvider: pending,
      });
      const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: document.message });
      return profile?.nameID;
    };
  },
  async saml20() {
    const { default: exported } = await import("@boxyhq/saml20");
    const saml = exported.default;
    return async (document) => {
      const profile = await saml.validate(Buffer.from(document.message, "base64").toString(), {
        publicKey: setting.certificates[document.curve ? 1 : 0],
        audience: setting.sp,
        inResponseTo: setting.request,
        privateKey: setting.key,
      });
      return profile.claims["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"];
    };
  },
};

let unhandled = null;
process.on("unhandledRejection", (error) => (unhandled = error));
process.on("uncaughtException", (error) => (unhandled = error));

const read = await readers[implementation]();
for await (const line of lines) {
  const document = JSON.parse(line);
  const began = process.cpuUsage();
  let name, refused;
  unhandled = null;
  try {
    const never = new Promise((_, reject) => setTimeout(() => reject(new Error("no answer")), 5_000).unref());
    name = await Promise.race([read(document), never]);
  } catch (error) {
    refused = String(error?.message ?? error).slice(0, 200);
  }
  await new Promise(setImmediate);
  const { user, system } = process.cpuUsage(began);
  if (wentOut) throw new Error(`${implementation} wanted to go out for ${document.name}`);
  const crashed = unhandled ? String(unhandled.message ?? unhandled).slice(0, 200) : undefined;
  process.stdout.write(`${JSON.stringify({ name: name?.trim?.() ?? null, refused, crashed, ms: (user + system) / 1000 })}\n`);
}

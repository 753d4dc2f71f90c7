"use strict";
// Asks the authenticator what the form says, and sends its answer with the form. Without an answer nothing is sent.
const form = document.forms[0];
const problem = document.getElementById("problem");

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const withBytes = (options) => {
  const { publicKey } = options;
  publicKey.challenge = bytes(publicKey.challenge);
  if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    for (const known of publicKey[list] ?? []) known.id = bytes(known.id);
  }
  return options;
};

const registered = (credential) => ({
  clientDataJSON: text(credential.response.clientDataJSON),
  authenticatorData: text(credential.response.getAuthenticatorData()),
  publicKey: text(credential.response.getPublicKey()),
  discoverable: credential.getClientExtensionResults().credProps?.rk,
});

const proven = (credential) => ({
  id: text(credential.rawId),
  userHandle: text(credential.response.userHandle),
  clientDataJSON: text(credential.response.clientDataJSON),
  authenticatorData: text(credential.response.authenticatorData),
  signature: text(credential.response.signature),
});

const ceremony = async (event) => {
  event.preventDefault();
  problem.hidden = true;
  try {
    const options = withBytes(JSON.parse(form.dataset.options));
    const answer = form.dataset.step === "register"
      ? registered(await navigator.credentials.create(options))
      : proven(await navigator.credentials.get(options));
    form.elements.answer.value = JSON.stringify(answer);
    form.submit();
  } catch {
    problem.hidden = false;
    form.querySelector("button").focus();
  }
};

if (form.dataset.step === "invitation") {
  // The link's secret stands behind the `#`, which browsers send to nobody: the form takes it along, once, and out of sight.
  form.elements.invitation.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  if (form.elements.invitation.value) form.submit();
  else problem.hidden = false;
} else {
  form.addEventListener("submit", ceremony);
}

// Passkeys: asks the authenticator, and sends what it answers as a form. Without this script, the
// pages work with passwords and codes.
"use strict";

const supported = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON;
if (supported) {
  // The parts of the page that need this script, which browsers without scripts do not show.
  for (const part of document.querySelectorAll('script[type="text/html"]')) {
    part.outerHTML = part.textContent;
  }
}
let waiting = new AbortController();

async function post(path, fields) {
  const answer = await fetch(path, { method: "POST", body: new URLSearchParams(fields) });
  if (!answer.ok) {
    throw Object.assign(new Error(), { code: answer.headers.get("Bienvenue-Error") });
  }
  return answer.json();
}

/** Asks for a passkey. With `mediation`, the browser offers it where the user types. */
async function get(path, mediation) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await post(path, {}));
  waiting.abort();
  waiting = new AbortController();
  const credential = await navigator.credentials.get({ publicKey, mediation, signal: waiting.signal });
  return JSON.stringify(credential);
}

function say(form, error) {
  if (error.name === "AbortError") {
    return;
  }
  const place = form.querySelector("[data-failed]");
  // Without a code: the user has closed the browser's window, or the authenticator has no passkey.
  place.textContent = place.dataset[error.code] || place.dataset.failed;
  place.hidden = false;
}

/** Sends a form whose field `credential` a passkey fills. */
function fill(form, credential) {
  form.elements.credential.value = credential;
  const keep = document.querySelector("form input[type=checkbox][name=keep]");
  if (keep && keep.checked && form.elements.keep) {
    form.elements.keep.value = "on";
  }
  form.submit();
}

for (const form of document.querySelectorAll("form[data-get]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    get(form.dataset.get).then((credential) => fill(form, credential), (error) => say(form, error));
  });
}

// A passkey instead of the password, in a form with further fields.
for (const instead of document.querySelectorAll("div[data-get]")) {
  const form = instead.closest("form");
  instead.querySelector("button").addEventListener("click", () => {
    get(instead.dataset.get).then((credential) => fill(form, credential), (error) => say(form, error));
  });
}

/** Adds a passkey, and shows the recovery codes that come with the first one. */
async function add(form) {
  const proof = {};
  for (const name of ["current_password", "otp", "recovery_code"]) {
    const field = form.elements[name];
    if (field && field.value) {
      proof[name] = field.value;
    }
  }
  if (form.dataset.proof && !proof.otp && !proof.recovery_code) {
    proof.credential = await get(form.dataset.proof);
  }
  const options = await post("/account/passkeys/options", proof);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const credential = JSON.stringify(await navigator.credentials.create({ publicKey }));
  const name = form.elements.name.value;
  const added = await post("/account/passkeys", { credential, name });
  if (!added.recovery_codes) {
    location.assign("/account/passkeys?done=added");
    return;
  }
  form.hidden = true;
  const codes = document.querySelector("[data-codes]");
  codes.querySelector("pre").textContent = added.recovery_codes.join("\n");
  codes.hidden = false;
}

for (const form of document.querySelectorAll("form[data-add]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    add(form).catch((error) => say(form, error));
  });
}

const offered = document.querySelector("form[data-autofill]");
if (offered && PublicKeyCredential.isConditionalMediationAvailable) {
  PublicKeyCredential.isConditionalMediationAvailable().then((available) => {
    if (available) {
      get(offered.dataset.get, "conditional").then(
        (credential) => fill(offered, credential),
        () => {},
      );
    }
  });
}

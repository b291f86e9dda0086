// The pages of the log-in: security keys, printing, a patient's QR code, and forgetting at sign-out.
import { embedded, t } from "./shared/texts";

type Json = Record<string, unknown>;

function bytes(text: string): ArrayBuffer {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0)).buffer;
}

function text(buffer: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function descriptors(list: unknown): PublicKeyCredentialDescriptor[] {
  return ((list ?? []) as Json[]).map((one) => ({
    ...(one as unknown as PublicKeyCredentialDescriptor),
    id: bytes(one["id"] as string),
  }));
}

/** Asks for a new key; older browsers lack `parseCreationOptionsFromJSON`, so it is done here. */
async function created(options: Json): Promise<Json> {
  const user = options["user"] as Json;
  const publicKey = {
    ...options,
    challenge: bytes(options["challenge"] as string),
    user: { ...user, id: bytes(user["id"] as string) },
    excludeCredentials: descriptors(options["excludeCredentials"]),
  } as unknown as PublicKeyCredentialCreationOptions;
  const key = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const response = key.response as AuthenticatorAttestationResponse;
  return answer(key, {
    attestationObject: text(response.attestationObject),
    transports: response.getTransports?.() ?? [],
  });
}

async function signed(options: Json): Promise<Json> {
  const publicKey = {
    ...options,
    challenge: bytes(options["challenge"] as string),
    allowCredentials: descriptors(options["allowCredentials"]),
  } as unknown as PublicKeyCredentialRequestOptions;
  const key = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const response = key.response as AuthenticatorAssertionResponse;
  return answer(key, {
    authenticatorData: text(response.authenticatorData),
    signature: text(response.signature),
    userHandle: response.userHandle ? text(response.userHandle) : null,
  });
}

function answer(key: PublicKeyCredential, response: Json): Json {
  return {
    id: key.id,
    rawId: text(key.rawId),
    type: key.type,
    clientExtensionResults: {},
    response: { clientDataJSON: text(key.response.clientDataJSON), ...response },
  };
}

async function askForKey(form: HTMLFormElement): Promise<void> {
  const failed = form.querySelector<HTMLElement>("[data-key-failed]");
  const button = form.querySelector("button");
  if (failed) failed.hidden = true;
  if (button) button.disabled = true;
  try {
    const options = embedded<Json>("data");
    const found = form.dataset["key"] === "create" ? await created(options) : await signed(options);
    const field = form.elements.namedItem("answer") as HTMLInputElement;
    field.value = JSON.stringify(found);
    form.submit();
  } catch (error) {
    if (button) button.disabled = false;
    delete form.dataset["sent"];
    if (!failed) return;
    const known = error instanceof DOMException && error.name === "InvalidStateError";
    failed.textContent = t(known ? "security_key.known" : "security_key.none");
    failed.hidden = false;
  }
}

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-key]")) {
  const button = form.querySelector("button");
  if (!("credentials" in navigator) || !button) continue;
  button.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void askForKey(form);
  });
}

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

/** A patient's QR code: the token stands behind `#`, is taken out of the address, and waits. */
const withToken = document.querySelector<HTMLFormElement>("form[data-token]");
const typed = document.querySelector<HTMLFormElement>("form[data-typed]");

function takeToken(): void {
  if (!withToken || location.hash.length < 5) return;
  (withToken.elements.namedItem("token") as HTMLInputElement).value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  withToken.hidden = false;
  if (typed) typed.hidden = true;
}

takeToken();
addEventListener("hashchange", takeToken);

/** After signing out nothing of a person stays, also in a browser without Clear-Site-Data. */
async function forget(): Promise<void> {
  localStorage.clear();
  sessionStorage.clear();
  const databases = (await indexedDB.databases?.()) ?? [];
  for (const { name } of databases) if (name) indexedDB.deleteDatabase(name);
  if ("caches" in window) for (const name of await caches.keys()) await caches.delete(name);
}

if (document.querySelector("[data-forget]")) void forget();

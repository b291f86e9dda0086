// Makes the phone ready for the time it is out of reach: the worker, and who is signed in.

import { keepProfile } from "../sync/store";
import type { Profile } from "./values";

const WORKER = "/worker.js";

/** Keeps the profile and registers the worker; what the browser cannot do, it goes without. */
export async function makeReady(profile: Profile): Promise<void> {
  await keepProfile(profile);
  if (!("serviceWorker" in navigator)) return;
  const policy = window.trustedTypes?.createPolicy("telehealth-worker", { createScriptURL: (url) => url });
  const url = (policy?.createScriptURL(WORKER) ?? WORKER) as string;
  await navigator.serviceWorker.register(url, { scope: "/patient" });
  void navigator.storage?.persist?.();
}

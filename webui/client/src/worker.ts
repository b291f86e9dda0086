// The service worker of the patient's pages: what is needed to measure when nobody answers.
//
// It keeps one page, the same for everybody (`/patient/offline`), and the files that it names. Pages
// with a person's data are never kept. A visit with a network brings the newest of both.

interface WaitEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface RequestEvent extends WaitEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

interface Scope {
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  addEventListener(type: "install" | "activate", act: (event: WaitEvent) => void): void;
  addEventListener(type: "fetch", act: (event: RequestEvent) => void): void;
}

const scope = self as unknown as Scope;
const CACHE = "patient";
const SHELL = "/patient/offline";
const FILES = "/static/dist/";
const PATIENCE_MS = 15_000;
const GONE = 502;

scope.addEventListener("install", (event) => event.waitUntil(refresh().then(() => scope.skipWaiting())));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (pathname.startsWith(FILES)) event.respondWith(file(request));
  else if (request.mode === "navigate" && isOwn(pathname)) {
    const answer = page(request);
    event.respondWith(answer);
    event.waitUntil(answer.then(refresh).catch(() => undefined));
  }
});

function isOwn(pathname: string): boolean {
  return pathname === "/patient" || pathname.startsWith("/patient/persons/");
}

/** A built file's name changes with its content: what is kept is right for ever. */
async function file(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request.url);
  if (kept !== undefined) return kept;
  const fetched = await fetch(request);
  if (fetched.ok) await cache.put(request.url, fetched.clone());
  return fetched;
}

async function page(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.status < GONE) return answer;
    return (await shell()) ?? answer;
  } catch (unreachable) {
    const kept = await shell();
    if (kept === undefined) throw unreachable;
    return kept;
  }
}

async function shell(): Promise<Response | undefined> {
  return (await caches.open(CACHE)).match(SHELL);
}

/** Fetches the page and the files it names, and lets go of files that it names no more. */
async function refresh(): Promise<void> {
  const answer = await fetch(SHELL, { cache: "no-store", redirect: "error" });
  if (!answer.ok) return;
  const cache = await caches.open(CACHE);
  const named = new Set((await answer.clone().text()).match(/\/static\/dist\/[\w.-]+/g) ?? []);
  for (const path of named) {
    if ((await cache.match(path)) === undefined) await cache.add(path);
  }
  await cache.put(SHELL, answer);
  for (const { url } of await cache.keys()) {
    const { pathname } = new URL(url);
    const kept = pathname === SHELL || named.has(pathname) || pathname.endsWith(".woff2");
    if (!kept) await cache.delete(url);
  }
}

export {};

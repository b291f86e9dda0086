// The server's time in the browser: a phone's clock may be wrong, the ages of values may not.

let offsetMs = 0;

/** Sets the server's time as just heard. */
export function sync(serverNowMs: number): void {
  offsetMs = serverNowMs - Date.now();
}

export function now(): number {
  return Date.now() + offsetMs;
}

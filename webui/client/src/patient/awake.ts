// Keeps the screen on while something is measured, where the browser can.

/** Holds the screen until the signal is aborted; taken again when the page comes back to front. */
export function stayAwake(signal: AbortSignal): void {
  if (!("wakeLock" in navigator)) return;
  let held: WakeLockSentinel | undefined;
  const take = async (): Promise<void> => {
    if (signal.aborted || document.visibilityState !== "visible") return;
    try {
      held = await navigator.wakeLock.request("screen");
      if (signal.aborted) await held.release();
    } catch {
      held = undefined; // a low battery may refuse it; the page says to keep the screen open
    }
  };
  document.addEventListener("visibilitychange", () => void take(), { signal });
  signal.addEventListener("abort", () => void held?.release());
  void take();
}

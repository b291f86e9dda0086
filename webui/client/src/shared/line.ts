// The one live line of a page, and the element that says in words how it stands.

import { LitElement, html } from "lit";
import { now, sync } from "./clock";
import { Live, type LineState } from "./live";
import { clockTime, t } from "./texts";
import type { Changes } from "./types";

/** Opens the page's line; changes go to `take`, notices to whoever listens on the document. */
export function openLine(
  personId: string | null,
  cursor: number,
  take: (changes: Changes) => void,
): Live {
  const address = new URL("/live", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const line = new Live(
    {
      connect: () => new WebSocket(address),
      now: () => performance.now(),
      later: (act, ms) => setTimeout(act, ms),
      random: Math.random,
    },
    {
      state: showState,
      changes: take,
      time: sync,
      notice: (message) =>
        document.dispatchEvent(new CustomEvent("telehealth-notice", { detail: message })),
    },
    personId,
    cursor,
  );
  addEventListener("online", () => line.wake());
  addEventListener("pageshow", () => line.wake());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") line.wake();
  });
  line.start();
  return line;
}

let shown: { state: LineState; sinceMs: number } = { state: "waiting", sinceMs: now() };

function showState(state: LineState, lastHeardMs: number): void {
  shown = { state, sinceMs: now() - (performance.now() - lastHeardMs) };
  document.body.classList.toggle("lost", state === "lost" || state === "ended");
  document.dispatchEvent(new CustomEvent("telehealth-line", { detail: state }));
}

class ConnectionElement extends LitElement {
  override createRenderRoot(): this {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("telehealth-line", () => this.requestUpdate());
  }

  override render() {
    return html`<span class="connection ${shown.state}" role="status"
      ><span class="words">${t(`connection.${shown.state}`, { at: clockTime(shown.sinceMs) })}</span></span
    >`;
  }
}

customElements.define("th-connection", ConnectionElement);

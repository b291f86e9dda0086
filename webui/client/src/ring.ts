// The banner of a call: who rings, and two large buttons. It asks the server what is open whenever
// something says that a call moved, so a lost word costs a moment and never a call.

import { answer, type Call, decline, openCalls } from "./consult_api";
import { t } from "./shared/texts";

const SILENT = "ring.silent";
const AGAIN_MS = 30_000;
const BEAT_MS = 2_500;

let banner: HTMLElement | null = null;
let shown = "";
let beat: ReturnType<typeof setInterval> | undefined;
let asking = false;
let again = false;
/** The session has ended: nobody is asked any more. */
let over = false;

/** Show what rings now. Call it whenever a call may have moved; many calls at once are one. */
export async function refresh(): Promise<void> {
  if (over) return;
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  do {
    again = false;
    const calls = await openCalls();
    if (calls !== null) show(calls.find((call) => call.rings) ?? calls[0] ?? null);
  } while (again);
  asking = false;
}

function show(call: Call | null): void {
  const key = call === null ? "" : `${call.room_id} ${call.state}`;
  if (key === shown) return;
  shown = key;
  banner?.remove();
  banner = null;
  clearInterval(beat);
  if (call === null) return;
  banner = draw(call);
  document.body.append(banner);
  if (!call.rings) return;
  banner.querySelector<HTMLButtonElement>("[data-act=answer]")?.focus({ preventScroll: true });
  sound();
  beat = setInterval(sound, BEAT_MS);
}

function draw(call: Call): HTMLElement {
  const isDoctor = call.side === "doctor";
  const name = call.name || t("consult.doctor");
  const word = call.rings ? (isDoctor ? "asks" : "calls") : call.state;
  const box = document.createElement("section");
  box.className = call.rings ? "ring rings" : "ring";
  box.setAttribute("role", call.rings ? "alertdialog" : "status");
  box.setAttribute("aria-labelledby", "ring-title");
  const title = document.createElement("h2");
  title.id = "ring-title";
  title.textContent = t(`ring.${word}`, { name });
  const actions = document.createElement("div");
  actions.className = "actions";
  if (call.rings) {
    actions.append(
      button("answer", t("ring.answer"), () => act(answer(call.room_id), call.url)),
      button("decline", t(isDoctor ? "ring.not_now" : "ring.decline"), () =>
        act(decline(call.room_id), null),
      ),
      silence(),
    );
  } else {
    const link = document.createElement("a");
    link.className = "button";
    link.href = call.url;
    link.textContent = t("ring.open");
    actions.append(link);
  }
  box.append(title, actions);
  return box;
}

function button(name: string, text: string, act: () => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.dataset["act"] = name;
  made.className = name === "answer" ? "answer" : "second";
  made.textContent = text;
  made.onclick = act;
  return made;
}

async function act(request: Promise<{ body: Call | null }>, go: string | null): Promise<void> {
  const { body } = await request;
  if (body !== null && go !== null) location.assign(go);
  else {
    shown = "?";
    await refresh();
  }
}

function silence(): HTMLButtonElement {
  const made = button("silence", "", () => {
    localStorage.setItem(SILENT, isSilent() ? "no" : "yes");
    label();
  });
  const label = () => {
    made.textContent = t(isSilent() ? "ring.sound_on" : "ring.sound_off");
  };
  made.className = "quiet";
  label();
  return made;
}

function isSilent(): boolean {
  return localStorage.getItem(SILENT) === "yes";
}

/** Two soft tones; a browser that allows no sound before a touch stays silent. */
function sound(): void {
  if (isSilent()) return;
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.([200, 100, 200]);
  const context = new AudioContext();
  const loudness = context.createGain();
  loudness.gain.value = 0.15;
  loudness.connect(context.destination);
  for (const [tone, at] of [
    [660, 0],
    [880, 0.25],
  ] as const) {
    const oscillator = context.createOscillator();
    oscillator.frequency.value = tone;
    oscillator.connect(loudness);
    oscillator.start(context.currentTime + at);
    oscillator.stop(context.currentTime + at + 0.2);
  }
  setTimeout(() => void context.close(), 1_000);
}

/** Whether a notice of the live line may mean that a call moved. */
export function concernsCalls(message: unknown): boolean {
  const kind = (message as { kind?: unknown } | null)?.kind;
  return kind === "ring" || kind === "state";
}

document.addEventListener("telehealth-notice", (event) => {
  if (concernsCalls((event as CustomEvent).detail)) void refresh();
});
document.addEventListener("telehealth-line", (event) => {
  over = (event as CustomEvent).detail === "ended";
  void refresh();
});
document.addEventListener("submit", (event) => {
  over = (event.target as HTMLFormElement).getAttribute("action") === "/logout";
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void refresh();
});
addEventListener("pageshow", () => void refresh());
// A notice may be lost, and a page may have no live line at all.
setInterval(() => {
  if (document.visibilityState === "visible") void refresh();
}, AGAIN_MS);
void refresh();

// The page of a call: device check, then the room. The line carries what is said, the link carries
// sound and picture; each mends itself, and the page says in plain words how both stand.

import { answer, callState, decline } from "./consult_api";
import { listDevices, openDevices, remember, remembered, showLevel } from "./consult_devices";
import { Line } from "./consult_line";
import type { CallState, Failure, Joined, Numbered, Peer } from "./consult_messages";
import { type MediaState, PeerLink, RESTARTS } from "./consult_peer";
import { VitalsPanel } from "./consult_vitals";
import { t } from "./shared/texts";

const OVER: readonly CallState[] = ["concluded", "declined", "no_show", "cancelled"];

function element<E extends Element>(selector: string): E {
  const match = document.querySelector<E>(selector);
  if (match === null) throw new Error(`no ${selector} on this page`);
  return match;
}

class Consult {
  private readonly page = element<HTMLElement>("#consult");
  private readonly room = this.page.dataset["room"] ?? "";
  private readonly isDoctor = this.page.dataset["role"] === "doctor";
  private readonly name = this.page.dataset["name"] || t("consult.doctor");
  private state = (this.page.dataset["state"] ?? "offered") as CallState;
  private readonly preview = element<HTMLVideoElement>("#preview");
  private readonly own = element<HTMLVideoElement>("#own");
  private readonly remote = element<HTMLVideoElement>("#remote");
  private readonly enterButton = element<HTMLButtonElement>("#enter");
  private readonly microphoneButton = element<HTMLButtonElement>("#microphone");
  private readonly cameraButton = element<HTMLButtonElement>("#camera");
  private readonly line: Line;
  private stream = new MediaStream();
  private stopLevel: () => void = () => undefined;
  private entered = false;
  private answering = false;
  private over = false;
  private lineOpen = false;
  private joined: Joined | null = null;
  private peer: Peer | null = null;
  private link: PeerLink | null = null;
  private media: MediaState | null = null;
  private work: Promise<void> = Promise.resolve();
  private since: number | null = null;

  constructor() {
    const url = new URL(`/api/v1/calls/${this.room}/socket`, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const panel = document.querySelector<HTMLElement>("#vitals");
    const vitals = panel === null ? null : new VitalsPanel(panel);
    this.line = new Line(url.href, {
      joined: (message) => this.onJoined(message),
      told: (message) => this.onTold(message),
      vitals: (message) => vitals?.show(message),
      failed: (failure) => this.onFailure(failure),
      open: (isOpen) => {
        this.lineOpen = isOpen;
        this.describe();
      },
      refused: () => void this.askWhy(),
    });
    this.enterButton.onclick = () => void this.enter();
    this.microphoneButton.onclick = () => this.switchMicrophone();
    this.cameraButton.onclick = () => void this.switchCamera();
    element<HTMLButtonElement>("#hang-up").onclick = () => this.hangUp();
    for (const list of document.querySelectorAll<HTMLSelectElement>("#check select")) {
      list.onchange = () => void this.choose();
    }
    setInterval(() => this.tick(), 1_000);
  }

  async start(): Promise<void> {
    if (OVER.includes(this.state)) return this.finish(this.state);
    // A doctor is let into a request's room only after taking it.
    if (!(this.isDoctor && this.state === "requested")) this.line.open();
    this.describe();
    await this.open();
    this.enterButton.disabled = false;
  }

  private async open(): Promise<void> {
    const devices = await openDevices();
    if (this.over) return devices.stream.getTracks().forEach((track) => track.stop());
    this.take(devices.stream);
    element("#problems").replaceChildren(
      ...devices.problems.map((sentence) => {
        const paragraph = document.createElement("p");
        paragraph.textContent = sentence;
        return paragraph;
      }),
    );
    const used = (kind: string) =>
      devices.stream
        .getTracks()
        .find((track) => track.kind === kind)
        ?.getSettings().deviceId;
    await listDevices(element("#camera-choice"), "videoinput", used("video"));
    await listDevices(element("#microphone-choice"), "audioinput", used("audio"));
  }

  private take(stream: MediaStream): void {
    this.stopLevel();
    for (const track of this.stream.getTracks()) track.stop();
    this.stream = stream;
    this.preview.srcObject = this.own.srcObject = stream;
    this.stopLevel = showLevel(stream, element("#level"));
    this.showSwitches();
    void this.link?.send(stream.getTracks());
  }

  private async choose(): Promise<void> {
    remember({
      camera: element<HTMLSelectElement>("#camera-choice").value,
      microphone: element<HTMLSelectElement>("#microphone-choice").value,
    });
    for (const track of this.stream.getTracks()) track.stop();
    await this.open();
  }

  private async enter(): Promise<void> {
    this.enterButton.disabled = true;
    if (this.rings && !(await this.accept())) return;
    this.stopLevel();
    this.entered = true;
    this.show("room");
    void navigator.wakeLock?.request("screen").catch(() => undefined);
    if (this.joined === null) this.line.open();
    else this.ready();
    this.describe();
  }

  /** Whether the call waits for this side's yes. */
  private get rings(): boolean {
    return this.state === (this.isDoctor ? "requested" : "offered");
  }

  private async accept(): Promise<boolean> {
    this.answering = true;
    const answered = await answer(this.room);
    this.answering = false;
    if (answered.body !== null) {
      this.state = answered.body.state;
      return true;
    }
    this.enterButton.disabled = false;
    await this.askWhy();
    return this.state === "accepted" || this.state === "in_session";
  }

  private ready(): void {
    this.line.say({ type: "ready", ...this.sends });
  }

  private get sends(): { microphone: boolean; camera: boolean } {
    return {
      microphone: this.stream.getAudioTracks().some((track) => track.enabled),
      camera: this.stream.getVideoTracks().some((track) => track.enabled),
    };
  }

  private onJoined(message: Joined): void {
    this.joined = message;
    this.moveTo(message.state);
    if (this.entered && !message.resumed) this.ready();
  }

  private onTold(message: Numbered): void {
    switch (message.type) {
      case "peer_joined":
        return this.meet(message.peer);
      case "peer_left":
        if (message.reason === "left") this.drop();
        return this.describe();
      case "media":
        if (this.peer !== null) {
          this.peer = { ...this.peer, microphone: message.microphone, camera: message.camera };
        }
        return this.describe();
      case "state":
        return this.moveTo(message.state);
      case "ended":
        return this.finish(message.state);
      default:
        return this.hand(message);
    }
  }

  /** Descriptions and candidates are taken one after the other, by the link they were meant for. */
  private hand(message: Parameters<PeerLink["take"]>[0]): void {
    const link = this.link;
    if (link === null) return;
    this.work = this.work
      .then(() => (link === this.link ? link.take(message) : undefined))
      .catch((error: unknown) => console.warn("description refused", error));
  }

  /** The same page as before keeps its connection; another one is connected to anew. */
  private meet(peer: Peer): void {
    const same = this.peer?.client === peer.client && this.link !== null;
    this.peer = peer;
    if (same) {
      this.link?.again();
      return this.describe();
    }
    this.drop();
    this.peer = peer;
    if (this.joined === null) return;
    this.media = "connecting";
    this.link = new PeerLink(this.joined, this.stream.getTracks(), {
      say: (message) => this.line.say(message),
      stream: (stream) => {
        if (this.remote.srcObject !== stream) this.remote.srcObject = stream;
        void this.remote.play().catch(() => undefined);
      },
      state: (state) => {
        this.media = state;
        if (state === "connected") this.since ??= Date.now();
        this.describe();
      },
      restarting: (attempt) => this.onRestart(attempt),
    });
    this.describe();
  }

  /** A restart that nobody answers: perhaps the socket is dead too; at last, come back as new. */
  private onRestart(attempt: number): void {
    if (attempt > RESTARTS) {
      this.drop();
      this.line.startAnew();
    } else if (attempt > 1) {
      this.line.reopen();
    }
    this.describe();
  }

  private drop(): void {
    this.link?.close();
    this.link = null;
    this.peer = null;
    this.media = null;
    this.remote.srcObject = null;
  }

  private moveTo(state: CallState): void {
    this.state = state;
    if (OVER.includes(state)) return this.finish(state);
    // Who asked for the call has said yes already.
    if (this.entered && !this.isDoctor && this.rings && !this.answering) void this.accept();
    this.describe();
  }

  private onFailure(failure: Failure): void {
    if (!failure.fatal) return console.warn("signalling", failure.code);
    if (failure.code === "ended") return void this.askWhy();
    if (failure.code === "replaced") return this.finish(null, "replaced");
    if (failure.code === "malformed" || failure.code === "not_allowed") {
      this.finish(null, "failed");
    }
  }

  /** Ask in words what the socket could only refuse. */
  private async askWhy(): Promise<void> {
    const { status, body } = await callState(this.room);
    if (status === 401 || status === 403 || status === 404) this.finish(null, "gone");
    else if (body !== null) this.moveTo(body.state);
  }

  private hangUp(): void {
    if (this.lineOpen) this.line.say({ type: "hang_up" });
    else void decline(this.room);
    this.finish(this.state === "offered" && this.isDoctor ? "cancelled" : "concluded");
  }

  private finish(state: CallState | null, word: string = state ?? "concluded"): void {
    if (this.over) return;
    this.over = true;
    // What was said last, perhaps the hang-up, goes out before the socket closes.
    setTimeout(() => this.line.end(), 500);
    this.drop();
    this.stopLevel();
    for (const track of this.stream.getTracks()) track.stop();
    this.preview.srcObject = this.own.srcObject = null;
    const side = this.isDoctor ? "doctor" : "patient";
    const key = word === "declined" || word === "no_show" ? `${word}_${side}` : word;
    element("#over-title").textContent = t(`consult.over_${key}`, { name: this.name });
    this.show("over");
    element<HTMLElement>("#over-title").focus();
  }

  private switchMicrophone(): void {
    for (const track of this.stream.getAudioTracks()) track.enabled = !track.enabled;
    this.switched();
  }

  /** Off means off: the camera is let go, and its light with it. */
  private async switchCamera(): Promise<void> {
    const tracks = this.stream.getVideoTracks();
    if (tracks.length > 0) {
      for (const track of tracks) {
        track.stop();
        this.stream.removeTrack(track);
      }
    } else {
      const opened = await openDevices(remembered());
      for (const track of opened.stream.getTracks()) {
        if (track.kind === "video") this.stream.addTrack(track);
        else track.stop();
      }
    }
    this.own.srcObject = this.stream;
    await this.link?.send(this.stream.getTracks());
    this.switched();
  }

  private switched(): void {
    this.showSwitches();
    if (this.entered) this.line.say({ type: "media", ...this.sends });
  }

  private showSwitches(): void {
    const { microphone, camera } = this.sends;
    for (const [button, kind, on] of [
      [this.microphoneButton, "microphone", microphone],
      [this.cameraButton, "camera", camera],
    ] as const) {
      button.setAttribute("aria-pressed", String(on));
      const label = button.querySelector("span");
      if (label !== null) label.textContent = t(`consult.${kind}_${on ? "on" : "off"}`);
      button.querySelector("use")?.setAttribute("href", `#icon-${kind}${on ? "" : "-off"}`);
    }
    this.microphoneButton.disabled = this.stream.getAudioTracks().length === 0;
    this.own.hidden = !camera;
  }

  private show(part: "check" | "room" | "over"): void {
    for (const section of ["check", "room", "over"]) {
      element<HTMLElement>(`#${section}`).hidden = section !== part;
    }
    this.page.dataset["part"] = part;
  }

  /** One sentence about how the call stands, and one about the other side's devices. */
  private describe(): void {
    if (this.over) return;
    const words = element<HTMLElement>("#words");
    const sentence = t(`consult.words_${this.word}`, { name: this.name });
    if (words.textContent !== sentence) words.textContent = sentence;
    this.page.dataset["word"] = this.word;
    const ringing = element<HTMLElement>("#check-words");
    ringing.textContent = t(`consult.check_${this.checkWord}`, { name: this.name });
    const missing = [
      ...(this.peer?.microphone === false ? [t("consult.peer_muted", { name: this.name })] : []),
      ...(this.peer?.camera === false ? [t("consult.peer_dark", { name: this.name })] : []),
    ];
    element("#peer-devices").textContent = missing.join(" ");
    this.page.classList.toggle("dark", this.peer?.camera !== true || this.media === null);
  }

  private get checkWord(): string {
    if (this.rings) return this.isDoctor ? "asked" : "rings";
    return this.isDoctor && this.state === "offered" ? "ringing" : "ready";
  }

  private get word(): string {
    if (this.media === "weak" || this.media === "failed") return "weak";
    if (!this.lineOpen) return this.media === "connected" ? "line_lost" : "line_waiting";
    if (this.state === "requested") return "requested";
    if (this.state === "offered") return this.isDoctor ? "ringing" : "connecting";
    if (this.media === "connected") return "connected";
    if (this.media === "connecting") return "connecting";
    return this.state === "interrupted" ? "interrupted" : "waiting";
  }

  private tick(): void {
    if (this.since === null || this.over) return;
    const seconds = Math.floor((Date.now() - this.since) / 1_000);
    const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    element("#duration").textContent = text;
  }
}

void new Consult().start();

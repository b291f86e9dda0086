// One media connection to one page of the other side: perfect negotiation (WebRTC 1.0 §10.7),
// trickle ICE, and a watch that asks for an ICE restart when nothing arrives any more.

import type { Candidate, Description, Joined, Said } from "./consult_messages";

export const SILENCE_MS = 2_500;
export const RESTARTS = 3;
const RESTART_EVERY_MS = 4_000;
const LOOK_EVERY_MS = 500;

export type MediaState = "connecting" | "connected" | "weak" | "failed";

export interface PeerEvents {
  say(message: Said): void;
  stream(stream: MediaStream): void;
  state(state: MediaState): void;
  /** A restart is being tried for the n-th time in a row. */
  restarting(attempt: number): void;
}

/** RED first (RFC 2198: each packet carries the one before), then what the browser prefers. */
export function redFirst<C extends { mimeType: string }>(codecs: readonly C[]): C[] {
  const isRed = (codec: C) => codec.mimeType.toLowerCase() === "audio/red";
  return [...codecs.filter(isRed), ...codecs.filter((codec) => !isRed(codec))];
}

/** When packets last came, and what that means; without any clock of its own. */
export class SilenceWatch {
  private packets = -1;
  private movedAt = 0;

  /** Whether nothing has come for `SILENCE_MS` after something had. */
  silent(packets: number, nowMs: number): boolean {
    if (packets !== this.packets) {
      this.packets = packets;
      this.movedAt = nowMs;
    }
    return this.packets > 0 && nowMs - this.movedAt >= SILENCE_MS;
  }
}

export class PeerLink {
  readonly connection: RTCPeerConnection;
  private readonly polite: boolean;
  private readonly watch = new SilenceWatch();
  private readonly remote = new MediaStream();
  private makingOffer = false;
  private ignoringOffer = false;
  private settingAnswer = false;
  private early: Candidate[] = [];
  private restarts = 0;
  private restartedAt = -RESTART_EVERY_MS;
  private state: MediaState = "connecting";
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(
    joined: Joined,
    private tracks: MediaStreamTrack[],
    private readonly events: PeerEvents,
  ) {
    this.connection = new RTCPeerConnection({
      iceServers: joined.ice_servers,
      bundlePolicy: "max-bundle",
    });
    this.polite = joined.polite;
    this.connection.onnegotiationneeded = () => void this.offer();
    this.connection.onicecandidate = (event) => this.candidate(event.candidate);
    this.connection.ontrack = (event) => {
      this.remote.addTrack(event.track);
      this.events.stream(this.remote);
    };
    this.connection.onconnectionstatechange = () => this.look(0);
    this.timer = setInterval(() => void this.measure(), LOOK_EVERY_MS);
    // The impolite side calls: it opens a place for each kind, with or without a device of its own.
    if (!this.polite) for (const kind of ["audio", "video"] as const) this.open(kind);
  }

  /** Send these tracks from now on; a kind that was not sent yet is negotiated. */
  async send(tracks: MediaStreamTrack[]): Promise<void> {
    this.tracks = tracks;
    for (const transceiver of this.connection.getTransceivers()) {
      const kind = transceiver.receiver.track.kind;
      const track = tracks.find((candidate) => candidate.kind === kind) ?? null;
      if (transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
      if (track !== null && transceiver.direction === "recvonly") transceiver.direction = "sendrecv";
    }
  }

  async take(message: Description | Candidate): Promise<void> {
    if (message.type === "ice_candidate") return this.addCandidate(message);
    const connection = this.connection;
    const stable =
      connection.signalingState === "stable" ||
      (connection.signalingState === "have-local-offer" && this.settingAnswer);
    const crossing = message.type === "offer" && (this.makingOffer || !stable);
    this.ignoringOffer = !this.polite && crossing;
    if (this.ignoringOffer) return;
    if (message.type === "answer" && connection.signalingState !== "have-local-offer") return;
    this.settingAnswer = message.type === "answer";
    await connection.setRemoteDescription({ type: message.type, sdp: message.sdp });
    this.settingAnswer = false;
    for (const candidate of this.early.splice(0)) await this.addCandidate(candidate);
    if (message.type === "answer") return;
    await this.attach();
    await connection.setLocalDescription();
    this.describe();
  }

  /** Ask for new network paths now; the sound and picture that still flow go on. */
  restart(): void {
    this.restarts += 1;
    this.restartedAt = performance.now();
    this.events.restarting(this.restarts);
    this.connection.restartIce();
  }

  /** The server started anew and may have lost words: say again what waits for an answer. */
  again(): void {
    if (this.connection.signalingState === "have-local-offer") this.describe();
    else if (!this.alive) this.restart();
  }

  close(): void {
    clearInterval(this.timer);
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  /** Whether frames and sound may still be arriving. */
  get alive(): boolean {
    return this.connection.connectionState === "connected" && this.state === "connected";
  }

  private open(kind: "audio" | "video"): void {
    const track = this.tracks.find((candidate) => candidate.kind === kind);
    const transceiver = this.connection.addTransceiver(track ?? kind, {
      direction: track === undefined ? "recvonly" : "sendrecv",
    });
    if (kind === "audio") preferRed(transceiver);
  }

  /** The polite side: put own tracks into the places that the offer opened. */
  private async attach(): Promise<void> {
    for (const transceiver of this.connection.getTransceivers()) {
      if (transceiver.receiver.track.kind === "audio") preferRed(transceiver);
    }
    await this.send(this.tracks);
  }

  private async offer(): Promise<void> {
    try {
      this.makingOffer = true;
      await this.connection.setLocalDescription();
      this.describe();
    } finally {
      this.makingOffer = false;
    }
  }

  private describe(): void {
    const local = this.connection.localDescription;
    if (local === null || (local.type !== "offer" && local.type !== "answer")) return;
    this.events.say({ type: local.type, sdp: local.sdp });
  }

  private candidate(candidate: RTCIceCandidate | null): void {
    this.events.say({
      type: "ice_candidate",
      candidate: candidate?.candidate ?? "",
      sdp_mid: candidate?.sdpMid ?? null,
      sdp_m_line_index: candidate?.sdpMLineIndex ?? null,
      username_fragment: candidate?.usernameFragment ?? null,
    });
  }

  private async addCandidate(message: Candidate): Promise<void> {
    if (this.connection.remoteDescription === null) {
      this.early.push(message);
      return;
    }
    // The end of the candidates needs no word to the browser: it goes on checking what it has.
    if (message.candidate === "") return;
    try {
      await this.connection.addIceCandidate({
        candidate: message.candidate,
        sdpMid: message.sdp_mid,
        sdpMLineIndex: message.sdp_m_line_index,
        usernameFragment: message.username_fragment,
      });
    } catch (error) {
      // A candidate of an offer that was ignored, or of a generation that is over.
      if (!this.ignoringOffer && this.connection.signalingState !== "closed") {
        console.warn("candidate refused", error);
      }
    }
  }

  private async measure(): Promise<void> {
    let packets = 0;
    for (const entry of (await this.connection.getStats()).values()) {
      if (entry.type === "inbound-rtp") packets += entry.packetsReceived as number;
    }
    this.look(packets);
  }

  private look(packets: number): void {
    const now = performance.now();
    const state = this.connection.connectionState;
    const silent = packets > 0 && this.watch.silent(packets, now);
    const broken = state === "failed" || state === "disconnected" || (state === "connected" && silent);
    if (!broken) {
      if (state === "connected") {
        this.restarts = 0;
        this.become("connected");
      }
      return;
    }
    this.become(this.restarts >= RESTARTS ? "failed" : "weak");
    if (now - this.restartedAt >= RESTART_EVERY_MS) this.restart();
  }

  private become(state: MediaState): void {
    if (state === this.state) return;
    this.state = state;
    this.events.state(state);
  }
}

function preferRed(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities("audio")?.codecs ?? [];
  if (codecs.length > 0) transceiver.setCodecPreferences?.(redFirst(codecs));
}

// The messages of a call as protocols/signalling.py defines them (docs/calls.md).

export type CallState =
  | "requested"
  | "offered"
  | "accepted"
  | "in_session"
  | "interrupted"
  | "concluded"
  | "declined"
  | "no_show"
  | "cancelled";

export interface Peer {
  peer: string;
  client: string;
  role: "doctor" | "patient";
  name: string;
  microphone: boolean;
  camera: boolean;
}

export interface Joined {
  type: "joined";
  peer: string;
  role: "doctor" | "patient";
  polite: boolean;
  state: CallState;
  resumed: boolean;
  received: number;
  seq: number;
  peers: Peer[];
  ice_servers: { urls: string[]; username?: string; credential?: string }[];
}

export interface Description {
  type: "offer" | "answer";
  seq: number;
  sdp: string;
}

export interface Candidate {
  type: "ice_candidate";
  seq: number;
  candidate: string;
  sdp_mid: string | null;
  sdp_m_line_index: number | null;
  username_fragment: string | null;
}

export interface Media {
  type: "media";
  seq: number;
  microphone: boolean;
  camera: boolean;
}

export interface Vitals {
  type: "vitals";
  at: number;
  spo2_percent?: number;
  spo2_at?: number;
  pulse_per_min?: number;
  pulse_at?: number;
  perfusion_index_percent?: number;
  perfusion_at?: number;
  level?: number;
}

export interface Failure {
  type: "error";
  code: string;
  message: string;
  fatal: boolean;
}

export type Numbered =
  | Description
  | Candidate
  | Media
  | { type: "peer_joined"; seq: number; peer: Peer }
  | { type: "peer_left"; seq: number; peer: string; reason: "lost" | "left" }
  | { type: "state"; seq: number; state: CallState }
  | { type: "ended"; seq: number; state: CallState; by: string | null };

export type FromServer = Joined | Numbered | Vitals | Failure;

/** What a page says; the line numbers it. */
export type Said =
  | { type: "ready"; microphone: boolean; camera: boolean }
  | { type: "offer" | "answer"; sdp: string }
  | {
      type: "ice_candidate";
      candidate: string;
      sdp_mid: string | null;
      sdp_m_line_index: number | null;
      username_fragment: string | null;
    }
  | { type: "media"; microphone: boolean; camera: boolean }
  | { type: "hang_up" };

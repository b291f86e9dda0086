// What the server sends, as telehealth/store/queries/screens.py and person_screen.py write it.

export interface LastValue {
  value: number;
  at_ms: number;
}

export interface Reason {
  code: string;
  value: number | null;
  limit: number | null;
  source: string;
}

export interface Step {
  at_ms: number;
  action: string;
  actor: string | null;
  reason: string | null;
  note: string | null;
}

export interface Alert {
  alert_id: string;
  cause: string;
  kind: string;
  priority: string;
  level: number;
  status: string;
  awaiting_repeat: boolean;
  late: boolean;
  raised_ms: number;
  accepted_by_id: string | null;
  accepted_by: string | null;
  review_ms: number | null;
  closed_ms: number | null;
  close_reason: string | null;
  device_id: string | null;
  reasons: Reason[];
  steps: Step[];
}

export interface Row {
  person_id: string;
  name: string;
  age_months: number | null;
  sex: string;
  day_of_illness: number | null;
  doctor: string | null;
  level: number;
  rank: [number, number, number];
  spo2: LastValue | null;
  pulse: LastValue | null;
  spark: (number | null)[];
  change: number | null;
  fell: boolean;
  alerts: Alert[];
  device_id: string | null;
  device_connected: boolean | null;
}

export interface Reading {
  reading_id: number;
  kind: string;
  measured_ms: number;
  spo2_percent: number | null;
  spo2_min_percent: number | null;
  pulse_per_min: number | null;
  perfusion_index_percent: number | null;
  respiration_per_min: number | null;
  temperature_celsius: number | null;
  level: number | null;
  news2_lower: number | null;
  news2_upper: number | null;
  gate: string;
  quality_reasons: string[];
  late: boolean;
  time_uncertain: boolean;
  on_phone: { code: string; at_ms: number }[];
}

export interface Mark {
  at_ms: number;
  kind: string;
  level: number | null;
}

export interface Series {
  t: number[];
  spo2: (number | null)[];
  spo2_min: (number | null)[];
  pulse: (number | null)[];
  perfusion: (number | null)[];
  marks: Mark[];
  from_ms: number;
  to_ms: number;
}

export interface Band {
  level: string;
  edge: number;
  limit: number;
  is_low: boolean;
}

/** `[offset_ms, spo2, pulse, perfusion, quality]`; what is missing at the end is not known. */
export type Sample = [number, (number | null)?, (number | null)?, (number | null)?, number?];

export interface Samples {
  person_id: string;
  at: number;
  samples: Sample[];
}

export interface Changes {
  type: "changes";
  now: number;
  cursor: number;
  whole?: boolean;
  rows?: Row[];
  readings?: Reading[];
  alerts?: Alert[];
  samples?: Samples[];
  desk?: Alert[];
}

export type FromServer =
  | Changes
  | { type: "beat"; now: number }
  | { type: "notice"; message: Record<string, unknown> };

// What a person at home can measure or type, in the uplink's own words.

export interface Values {
  spo2_percent?: number;
  pulse_per_min?: number;
  respiration_per_min?: number;
  temperature_celsius?: number;
}

export type Name = keyof Values;

export const NAMES: readonly Name[] = [
  "spo2_percent",
  "pulse_per_min",
  "temperature_celsius",
  "respiration_per_min",
];

/** One threshold: at or beyond `edge`, this level. */
type Fire = [edge: number, level: number];

/** A person's rules as telehealth/vitals/pocket.py writes them. */
export interface Rules {
  rules: string;
  thresholds: Record<string, { low: Fire[]; high: Fire[] }>;
  news2: Record<string, { edges: number[]; points: number[] }>;
  usual_spo2_above: number | null;
  ranges: Record<string, [number, number]>;
}

/** Somebody for whom this phone may measure. */
export interface Pocket {
  person_id: string;
  name: string;
  rules: Rules;
  station_phone: string | null;
  sms_number: string | null;
}

/** What the phone keeps of whoever is signed in. */
export interface Profile {
  account_id: string;
  pockets: Pocket[];
}

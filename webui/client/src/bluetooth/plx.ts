// Pulse Oximeter Service (0x1822), PLXS 1.0.1; protocols/gatt/plx.py says why.

import { decodeSfloat } from "./medfloat";
import { Quality } from "./quality";
import { DecodeError, type Oximetry } from "./said";

const SPO2_MAX = 100;
const PULSE_MAX = 350;
const AMPLITUDE_MAX = 100;

/** What each bit of Measurement Status means; bits that are not here mean nothing. */
const MEASUREMENT: readonly [bit: number, meaning: number][] = [
  [6, Quality.SEARCHING],
  [9, Quality.FROM_STORAGE],
  [10, Quality.DEMO],
  [11, Quality.TESTING],
  [12, Quality.CALIBRATING],
  [13, Quality.INVALID],
  [14, Quality.QUESTIONABLE],
  [15, Quality.INVALID],
];
/** What each bit of Device and Sensor Status means. */
const SENSOR: readonly [bit: number, meaning: number][] = [
  [0, Quality.QUESTIONABLE],
  [1, Quality.EQUIPMENT_FAULT],
  [2, Quality.QUESTIONABLE],
  [3, Quality.WEAK_SIGNAL],
  [4, Quality.WEAK_SIGNAL],
  [5, Quality.LOW_PERFUSION],
  [6, Quality.MOTION],
  [7, Quality.WEAK_SIGNAL],
  [8, Quality.QUESTIONABLE],
  [9, Quality.SEARCHING],
  [10, Quality.QUESTIONABLE],
  [11, Quality.FINGER_OFF],
  [12, Quality.EQUIPMENT_FAULT],
  [13, Quality.FINGER_OFF],
  [14, Quality.EQUIPMENT_FAULT],
  [15, Quality.FINGER_OFF],
];

/** PLX Continuous Measurement (0x2A5F). */
export function continuous(data: Uint8Array): Oximetry {
  const octets = new Octets(data);
  const flags = octets.unsigned(1);
  const [spo2, pulse] = [octets.within(SPO2_MAX), octets.within(PULSE_MAX)];
  if (flags & 0x01) octets.unsigned(4);
  if (flags & 0x02) octets.unsigned(4);
  return value(octets, spo2, pulse, flags >> 2);
}

/** PLX Spot-check Measurement (0x2A5E): the device's own clock is not looked at here. */
export function spotCheck(data: Uint8Array): Oximetry {
  const octets = new Octets(data);
  const flags = octets.unsigned(1);
  const [spo2, pulse] = [octets.within(SPO2_MAX), octets.within(PULSE_MAX)];
  if (flags & 0x01) octets.dateTime();
  const read = value(octets, spo2, pulse, flags >> 1);
  const unset = flags & 0x10 ? Quality.DEVICE_CLOCK_UNSET : 0;
  return { ...read, quality: read.quality | unset };
}

/** The fields that both measurements end with; bits 0 to 2 of `flags` say which follow. */
function value(octets: Octets, spo2: number | null, pulse: number | null, flags: number): Oximetry {
  const measurement = flags & 0x01 ? meaning(octets.unsigned(2), MEASUREMENT) : 0;
  const sensor = flags & 0x02 ? meaning(octets.unsigned(3), SENSOR) : 0;
  return {
    type: "oximetry",
    spo2_percent: spo2,
    pulse_per_min: pulse,
    perfusion_index_percent: flags & 0x04 ? octets.amplitude() : null,
    quality: measurement | sensor,
  };
}

function meaning(status: number, table: readonly [number, number][]): number {
  return table.reduce((found, [bit, means]) => ((status >> bit) & 1 ? found | means : found), 0);
}

/** Reads little-endian fields one after another; too few octets are no measurement. */
class Octets {
  private at = 0;

  constructor(private readonly data: Uint8Array) {}

  unsigned(count: number): number {
    const end = this.at + count;
    if (end > this.data.length)
      throw new DecodeError(`octets ${this.at} to ${end - 1} are missing, got ${this.data.length}`);
    let found = 0;
    for (let at = end - 1; at >= this.at; at -= 1) found = found * 256 + (this.data[at] as number);
    this.at = end;
    return found;
  }

  /** An SFLOAT above 0 up to `most`; anything else is how devices say "none". */
  within(most: number): number | null {
    const read = decodeSfloat(this.unsigned(2));
    return read !== null && read > 0 && read <= most ? read : null;
  }

  amplitude(): number | null {
    const read = decodeSfloat(this.unsigned(2));
    return read !== null && read >= 0 && read <= AMPLITUDE_MAX ? read : null;
  }

  /** Passes over a Date Time (0x2A08); one that cannot be makes the whole value wrong. */
  dateTime(): void {
    const year = this.unsigned(2);
    const [month, day, hours, minutes, seconds] = [1, 2, 3, 4, 5].map(() => this.unsigned(1)) as [
      number, number, number, number, number,
    ];
    if (year === 0 || month === 0 || day === 0) return;
    const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
    const isDate = year >= 1582 && year <= 9999 && month <= 12 && day <= days;
    if (!isDate || hours > 23 || minutes > 59 || seconds > 59) throw new DecodeError("no such date or time");
  }
}

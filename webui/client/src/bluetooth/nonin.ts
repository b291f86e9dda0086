// Nonin 3230, 3231 and 3150 (Nonin 113142-000-02); protocols/oximeters/nonin.py says why.

import { Quality } from "./quality";
import { DecodeError, oximetry, perfusionOf, pulseOf, spo2Of, type Oximetry, type Said } from "./said";
import { StreamParser, nextStart } from "./stream";

const OCTETS = 10;
const WEAK_SIGNAL = 1 << 1;
const SEARCHING = 1 << 3;
const FINGER_OK = 1 << 4;
const LOW_BATTERY = 1 << 5;

export class NoninParser extends StreamParser {
  private low = false;

  protected cut(data: readonly number[]): number {
    if (data[0] !== OCTETS) return nextStart(data, OCTETS);
    if (data.length < OCTETS) return 0;
    const frame = data.slice(0, OCTETS);
    return frame.includes(OCTETS, 1) && !isPossible(frame) ? nextStart(data, OCTETS) : OCTETS;
  }

  protected decode(frame: readonly number[]): Said[] {
    const said: Said[] = [valueOf(frame)];
    const low = ((frame[1] as number) & LOW_BATTERY) !== 0;
    if (low !== this.low) said.push({ type: "battery", percent: null, low });
    this.low = low;
    return said;
  }
}

function valueOf(frame: readonly number[]): Oximetry {
  const [, status, , high, lowOctet, , , spo2, pulseHigh, pulseLow] = frame as [
    number, number, number, number, number, number, number, number, number, number,
  ];
  const worn = (status & FINGER_OK) !== 0;
  const flags =
    (worn ? 0 : Quality.FINGER_OFF) |
    (status & SEARCHING ? Quality.SEARCHING : 0) |
    (status & WEAK_SIGNAL ? Quality.WEAK_SIGNAL : 0);
  return oximetry(
    worn,
    flags,
    spo2Of(spo2, [0, 127]),
    pulseOf((pulseHigh << 8) | pulseLow, [0, 511]),
    perfusionOf((high << 8) | lowOctet, 100),
  );
}

function isPossible(frame: readonly number[]): boolean {
  try {
    valueOf(frame);
    return true;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

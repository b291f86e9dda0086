// BerryMed and other oximeters of the BCI protocol 1.2; protocols/oximeters/berrymed.py says why.

import { Quality } from "./quality";
import { oximetry, pulseOf, spo2Of, type Oximetry, type Said } from "./said";
import { StreamParser } from "./stream";

const OCTETS = 5;
const SYNC = 0x80;
const SAY_EVERY_FRAMES = 100;

export class BerryMedParser extends StreamParser {
  private last: Oximetry | undefined;
  private framesSince = 0;

  protected cut(data: readonly number[]): number {
    if ((data[0] as number) < SYNC) return -untilSync(data);
    const inside = untilSync(data.slice(0, OCTETS));
    if (inside === OCTETS) return OCTETS;
    return inside === data.length ? 0 : -inside;
  }

  protected decode(frame: readonly number[]): Said[] {
    const said = valueOf(frame);
    if (this.last === undefined || !isSame(said, this.last)) {
      this.last = said;
      this.framesSince = 0;
      return [said];
    }
    this.framesSince += 1;
    if (this.framesSince < SAY_EVERY_FRAMES) return [];
    this.framesSince = 0;
    return [said];
  }
}

function valueOf(frame: readonly number[]): Oximetry {
  const [first, , third, low, spo2] = frame as [number, number, number, number, number];
  const unplugged = (first & 0x20) !== 0;
  const noFinger = (third & 0x10) !== 0;
  const flags =
    (first & 0x10 ? Quality.WEAK_SIGNAL : 0) |
    (unplugged ? Quality.EQUIPMENT_FAULT : 0) |
    (noFinger ? Quality.FINGER_OFF : 0) |
    (third & 0x20 ? Quality.SEARCHING : 0);
  const pulse = ((third << 1) & 0x80) | low;
  return oximetry(!unplugged && !noFinger, flags, spo2Of(spo2, [0, 127]), pulseOf(pulse, [0, 255]), null);
}

function isSame(one: Oximetry, other: Oximetry): boolean {
  return (
    one.spo2_percent === other.spo2_percent &&
    one.pulse_per_min === other.pulse_per_min &&
    one.quality === other.quality
  );
}

function untilSync(data: readonly number[]): number {
  const at = data.findIndex((octet, index) => index > 0 && octet >= SYNC);
  return at < 0 ? data.length : at;
}

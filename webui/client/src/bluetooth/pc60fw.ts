// PC-60FW, KS-60FW and their kin; protocols/oximeters/pc60fw.py says why.

import { Quality } from "./quality";
import { DecodeError, hex, oximetry, perfusionOf, pulseOf, spo2Of, type Said } from "./said";
import { StreamParser, nextStart } from "./stream";

const HEAD = [0xaa, 0x55] as const;
const OXIMETER = 0x0f;
const DEVICE = 0xf0;
const VALUES = 0x01;
const BATTERY = 0x03;
const MOST_FOLLOWING = 64;
const PROBE_OFF = 1 << 1;
const SEARCHING = 1 << 2;
const CHECK_PROBE = 1 << 3;
const LEVEL_MAX = 3;

export class Pc60fwParser extends StreamParser {
  private level: number | undefined;

  protected cut(data: readonly number[]): number {
    const [head, second, token, following] = data;
    const isWrong =
      head !== HEAD[0] ||
      (second !== undefined && second !== HEAD[1]) ||
      (token !== undefined && token !== OXIMETER && token !== DEVICE);
    if (isWrong) return nextStart(data, HEAD[0]);
    if (following === undefined) return 0;
    if (following < 2 || following > MOST_FOLLOWING) return nextStart(data, HEAD[0]);
    const length = 4 + following;
    if (data.length < length) return 0;
    return crc8Maxim(data.slice(0, length - 1)) === data[length - 1] ? length : nextStart(data, HEAD[0]);
  }

  protected decode(frame: readonly number[]): Said[] {
    const content = frame.slice(5, -1);
    if (frame[2] === OXIMETER && frame[4] === VALUES) return [values(content)];
    if (frame[2] === DEVICE && frame[4] === BATTERY) return this.battery(content);
    return [];
  }

  private battery(content: readonly number[]): Said[] {
    const [level] = content;
    if (level === undefined || level > LEVEL_MAX) {
      const got = hex(Uint8Array.from(content.slice(0, 4)));
      throw new DecodeError(`a PC-60FW battery level is 0 to 3, got ${got}`);
    }
    if (level === this.level) return [];
    this.level = level;
    return [{ type: "battery", percent: 25 * (level + 1), low: level === 0 }];
  }
}

function values(content: readonly number[]): Said {
  if (content.length < 6)
    throw new DecodeError(`the values of a PC-60FW need 6 octets, got ${content.length}`);
  const [spo2, low, high, perfusion, status] = content as [number, number, number, number, number];
  const worn = (status & PROBE_OFF) === 0;
  const flags =
    (worn ? 0 : Quality.FINGER_OFF) |
    (status & SEARCHING ? Quality.SEARCHING : 0) |
    (status & CHECK_PROBE ? Quality.EQUIPMENT_FAULT : 0);
  return oximetry(
    worn,
    flags,
    spo2Of(spo2, [0, 127, 255]),
    pulseOf((high << 8) | low, [0, 255, 511]),
    perfusionOf(perfusion, 10),
  );
}

/** CRC-8/MAXIM-DOW: polynomial 31, lowest bit first; check value A1. */
export function crc8Maxim(data: Iterable<number>): number {
  let register = 0;
  for (const octet of data) {
    register ^= octet;
    for (let bit = 0; bit < 8; bit += 1) register = register & 1 ? (register >> 1) ^ 0x8c : register >> 1;
  }
  return register;
}

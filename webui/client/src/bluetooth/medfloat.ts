// IEEE 11073-20601 SFLOAT, as protocols/medfloat.py: `null` where the device does not know.

const NAN = 0x7ff;
const POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
const SPECIAL = new Map<number, number | null>([
  [NAN, null],
  [NAN + 1, null],
  [NAN + 2, null],
  [NAN - 1, Infinity],
  [NAN + 3, -Infinity],
]);

export function decodeSfloat(raw: number): number | null {
  const special = SPECIAL.get(raw);
  if (special !== undefined) return special;
  const mantissa = ((raw & 0xfff) ^ 0x800) - 0x800;
  const exponent = ((raw >> 12) ^ 0x8) - 0x8;
  const power = POWERS[Math.abs(exponent)] as number;
  return exponent < 0 ? mantissa / power : mantissa * power;
}

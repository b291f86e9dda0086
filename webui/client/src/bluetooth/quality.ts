// Why a value deserves less trust: the bits of protocols/reading.py, which cross the wire.

export const Quality = {
  FINGER_OFF: 1 << 0,
  SEARCHING: 1 << 1,
  LOW_PERFUSION: 1 << 2,
  WEAK_SIGNAL: 1 << 3,
  MOTION: 1 << 4,
  CALIBRATING: 1 << 5,
  QUESTIONABLE: 1 << 6,
  INVALID: 1 << 7,
  DEMO: 1 << 8,
  TESTING: 1 << 9,
  FROM_STORAGE: 1 << 10,
  DEVICE_CLOCK_UNSET: 1 << 11,
  EQUIPMENT_FAULT: 1 << 12,
  NO_PLATEAU: 1 << 13,
} as const;

export const NOT_A_PATIENTS = Quality.DEMO | Quality.TESTING;
/** A sample with one of these is no part of a value; low perfusion alone is. */
export const SPOILED =
  Quality.FINGER_OFF |
  Quality.INVALID |
  Quality.CALIBRATING |
  Quality.EQUIPMENT_FAULT |
  Quality.SEARCHING |
  Quality.WEAK_SIGNAL |
  Quality.MOTION |
  Quality.QUESTIONABLE;

/** The names of the flags that are set, in the order of their bits; none: good. */
export function qualityNames(quality: number): string[] {
  return Object.entries(Quality).flatMap(([name, bit]) => ((quality & bit) === 0 ? [] : [name]));
}

/** The flags that at least half of them carry; none of none. */
export function flagsOfMost(qualities: readonly number[]): number {
  return Object.values(Quality)
    .filter((bit) => qualities.length > 0 && 2 * qualities.filter((one) => one & bit).length >= qualities.length)
    .reduce<number>((found, bit) => found | bit, 0);
}

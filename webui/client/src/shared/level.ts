// The levels by name, as telehealth/vitals/levels.py numbers them.

const LEVELS: Record<number, string> = { [-1]: "grey", 0: "green", 1: "yellow", 2: "orange", 3: "red" };

export function levelName(level: number | null): string {
  return LEVELS[level ?? -1] ?? "grey";
}

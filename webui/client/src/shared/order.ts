// The order of the list: by risk, but held while somebody points at it.

import type { Row } from "./types";

/** Compares by rank, highest first, then by name, as the server sorts. */
export function byRisk(a: Row, b: Row): number {
  for (let i = 0; i < 3; i++) {
    const difference = (b.rank[i] ?? 0) - (a.rank[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Keeps the order that is shown: rows that left go, new ones come last. */
export function heldOrder(shown: readonly string[], rows: ReadonlyMap<string, Row>): string[] {
  const kept = shown.filter((id) => rows.has(id));
  const known = new Set(kept);
  const added = [...rows.values()].filter((row) => !known.has(row.person_id)).sort(byRisk);
  return [...kept, ...added.map((row) => row.person_id)];
}

export function riskOrder(rows: ReadonlyMap<string, Row>): string[] {
  return [...rows.values()].sort(byRisk).map((row) => row.person_id);
}

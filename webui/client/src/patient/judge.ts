// Applies a person's rules to a reading, as telehealth/vitals/levels.py does on the server.
// No number stands here: all of them come with the rules (telehealth/vitals/pocket.py).

import { NAMES, type Rules, type Values } from "./values";

const GREEN = 0;

/** The level of a reading, 0 green to 3 red; what a phone does not know is missing, never normal. */
export function levelOf(values: Values, rules: Rules): number {
  let level = GREEN;
  const weigh = (name: string, value: number): void => {
    level = Math.max(level, weighed(rules, name, value));
  };
  const points = pointsOf(values, rules);
  const score = points.reduce((sum, [, one]) => sum + one, 0);
  const threes = points.filter(([, one]) => one === 3).map(([name]) => name);
  if (score > 0) weigh("news2_lower", score);
  if (threes.length > 0 && !isUsual(threes, values, rules)) weigh("news2_single", 3);
  for (const name of NAMES) {
    const value = values[name];
    if (value !== undefined) weigh(name, value);
  }
  return level;
}

/** The gravest threshold that fires on either side of a value. */
function weighed(rules: Rules, name: string, value: number): number {
  const sides = rules.thresholds[name];
  const low = sides?.low.find(([edge]) => value <= edge);
  const high = sides?.high.find(([edge]) => value >= edge);
  return Math.max(low?.[1] ?? GREEN, high?.[1] ?? GREEN);
}

/** A single 3 for an SpO2 that lies in the person's target range is no reason by itself. */
function isUsual(threes: string[], values: Values, rules: Rules): boolean {
  const spo2 = values.spo2_percent;
  if (rules.usual_spo2_above === null || spo2 === undefined) return false;
  return threes.join() === "spo2_percent" && spo2 > rules.usual_spo2_above;
}

/** NEWS2's points of each known value; none where NEWS2 was not made for the person. */
function pointsOf(values: Values, rules: Rules): [string, number][] {
  return NAMES.flatMap((name) => {
    const value = values[name];
    const band = rules.news2[name];
    if (value === undefined || band === undefined) return [];
    const row = band.edges.findIndex((edge) => value <= edge);
    return [[name, band.points[row < 0 ? band.edges.length : row] ?? 0]];
  });
}

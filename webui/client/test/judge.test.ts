// The phone comes to the server's level: vectors made by tests/telehealth/vitals/test_pocket.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { levelOf } from "../src/patient/judge";
import { smsHref, smsText, telHref } from "../src/patient/sms";
import { check, differing, isUnusual, mayBeSwapped } from "../src/patient/typed";
import type { Rules, Values } from "../src/patient/values";

interface Set {
  rules: Rules;
  cases: [Values, number][];
}

const VECTORS = "../../tests/vectors/pocket.json";
const { sets } = JSON.parse(readFileSync(VECTORS, "utf8")) as { sets: Set[] };
const adult = sets.at(-4)?.rules as Rules;

test("every vector has the level that the server gives it", () => {
  let seen = 0;
  for (const { rules, cases } of sets) {
    for (const [values, level] of cases) {
      assert.equal(levelOf(values, rules), level, `${JSON.stringify(values)} under ${rules.rules}`);
      seen += 1;
    }
  }
  assert.ok(seen > 1000);
});

test("nothing known is no level but green of nothing, and never red", () => {
  assert.equal(levelOf({}, adult), 0);
});

test("fields are read with comma or point, and empty ones are not known", () => {
  const { values, problems } = check({ spo2_percent: " 96 ", temperature_celsius: "38,2", pulse_per_min: "" }, adult);
  assert.deepEqual(values, { spo2_percent: 96, temperature_celsius: 38.2 });
  assert.deepEqual(problems, {});
});

for (const [text, key] of [["abc", "not_a_number"], ["9 6", "not_a_number"], ["49", "out_of_range"], ["101", "out_of_range"], ["1e2", "not_a_number"]])
  test(`SpO2 "${text}" is ${key}`, () => {
    assert.equal(check({ spo2_percent: text as string }, adult).problems.spo2_percent?.key, key);
  });

for (const text of ["50", "100"])
  test(`SpO2 ${text} stands at the edge and is taken`, () => {
    assert.deepEqual(check({ spo2_percent: text }, adult).problems, {});
  });

test("nothing typed is said so", () => {
  assert.equal(check({}, adult).problems.spo2_percent?.key, "nothing");
});

test("a reading that would alarm is asked for twice, another is not", () => {
  assert.equal(isUnusual({ spo2_percent: 94 }, adult, null), true);
  assert.equal(isUnusual({ spo2_percent: 95 }, adult, null), false);
});

test("a jump of four points is asked for twice, of three not", () => {
  assert.equal(isUnusual({ spo2_percent: 95 }, adult, 99), true);
  assert.equal(isUnusual({ spo2_percent: 95 }, adult, 98), false);
});

test("two numbers that may have changed places are noticed", () => {
  assert.equal(mayBeSwapped({ spo2_percent: 78, pulse_per_min: 97 }), true);
  assert.equal(mayBeSwapped({ spo2_percent: 97, pulse_per_min: 78 }), false);
  assert.equal(mayBeSwapped({ spo2_percent: 78 }), false);
});

test("a second entry that differs names the fields", () => {
  assert.deepEqual(differing({ spo2_percent: 91 }, { spo2_percent: 91 }), []);
  assert.deepEqual(differing({ spo2_percent: 91 }, { spo2_percent: 97, pulse_per_min: 80 }), ["spo2_percent", "pulse_per_min"]);
});

test("an SMS carries the reading in the grammar that a machine reads", () => {
  const values = { spo2_percent: 91, pulse_per_min: 108, respiration_per_min: 24, temperature_celsius: 38.2 };
  assert.equal(smsText(values), "SPO2 91 MACH 108 THO 24 NHIET 38.2");
  assert.equal(smsText({ spo2_percent: 91 }), "SPO2 91");
  assert.equal(smsHref("0912 345 678", "SPO2 91"), "sms:0912345678?body=SPO2%2091");
  assert.equal(telHref("+84 (24) 3333"), "tel:+84243333");
});

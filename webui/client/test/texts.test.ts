import assert from "node:assert/strict";
import test from "node:test";
import { ageKey, number, signedNumber } from "../src/shared/texts";

test("an age is told in the largest unit that says enough", () => {
  const told = [0, 59, 60, 3_599, 3_600, 172_799, 172_800].map(ageKey);
  assert.deepEqual(told, [
    ["age.now", 0],
    ["age.now", 0],
    ["age.minutes", 1],
    ["age.minutes", 59],
    ["age.hours", 1],
    ["age.hours", 47],
    ["age.days", 2],
  ]);
});

test("numbers have the language's decimal sign, and a missing one is a dash", () => {
  assert.equal(number(96, "vi"), "96");
  assert.equal(number(96.5, "vi"), "96,5");
  assert.equal(number(96.5, "en"), "96.5");
  assert.equal(number(null, "vi"), "–");
});

test("a difference carries its sign", () => {
  assert.equal(signedNumber(-4.1, "en"), "−4.1");
  assert.equal(signedNumber(2, "en"), "+2");
  assert.equal(signedNumber(0, "en"), "±0");
});

import assert from "node:assert/strict";
import test from "node:test";
import { Follower, hintOf } from "../src/bluetooth/progress";
import { Quality } from "../src/bluetooth/quality";
import type { Oximetry } from "../src/bluetooth/said";

function sample(quality = 0, spo2: number | null = 97): Oximetry {
  return { type: "oximetry", spo2_percent: spo2, pulse_per_min: 72, perfusion_index_percent: 3, quality };
}

test("five still seconds complete a reading, and the share says how far it is", () => {
  const follower = new Follower();
  const shares: number[] = [];
  const found = [0, 1, 2, 3, 4, 5].map((second) => {
    const spot = follower.add(second * 1000, sample());
    shares.push(follower.progress.share);
    return spot?.spo2_percent;
  });
  assert.deepEqual(found, [undefined, undefined, undefined, undefined, undefined, 97]);
  assert.deepEqual(shares, [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.equal(follower.progress.doing, "measuring");
});

test("demonstration and test data never count", () => {
  const follower = new Follower();
  for (const flag of [Quality.DEMO, Quality.TESTING])
    for (let second = 0; second < 10; second += 1)
      assert.equal(follower.add(second * 1000, sample(flag)), undefined);
});

for (const [flag, doing, hint] of [
  [Quality.FINGER_OFF, "finger_off", "finger"],
  [Quality.MOTION, "moving", "still"],
  [Quality.WEAK_SIGNAL, "weak", "warm"],
  [Quality.LOW_PERFUSION, "weak", "warm"],
  [Quality.SEARCHING, "searching", "wait"],
] as const)
  test(`flag ${flag} is told as ${doing}, with the hint ${hint}`, () => {
    const follower = new Follower();
    follower.add(0, sample(flag));
    assert.equal(follower.progress.doing, doing);
    assert.equal(follower.progress.hint, hint);
  });

test("a good signal needs no hint", () => {
  const follower = new Follower();
  follower.add(0, sample());
  assert.equal(follower.progress.hint, undefined);
});

test("hints change when the first did not help", () => {
  assert.equal(hintOf("weak", 11_999, 0), "warm");
  assert.equal(hintOf("weak", 12_000, 0), "push_in");
  assert.equal(hintOf("searching", 0, 11_999), "wait");
  assert.equal(hintOf("searching", 0, 12_000), "push_in");
  assert.equal(hintOf("measuring", 0, 11_999), undefined);
  assert.equal(hintOf("measuring", 0, 12_000), "still");
  assert.equal(hintOf("measuring", 0, 25_000), "polish");
});

import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { step } from "../../support/walk/steps.ts";
import { newTally, walk } from "../../support/walk/walk.ts";
import { versions } from "../../support/walk/world.ts";

const seed = Number(process.env["BATON_WALK_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const wanted = Number(process.env["BATON_WALK_STEPS"] ?? 200_000);

test("a generated walk over situations and events breaks no promise", async () => {
  const tally = newTally();
  const began = process.cpuUsage();
  const lives = fc.record({
    version: fc.nat(versions.length - 1),
    steps: fc.array(step, { maxLength: 120, size: "max" }),
  });
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(lives, async ({ version, steps }) => {
      // A long walk lets the test runner hear from it now and then.
      if (++runs % 100 === 0) await setImmediate();
      // There are more runs than it takes; those left over are passed.
      if (tally.steps < wanted) walk(version, steps, tally);
    }),
    { seed, numRuns: Math.ceil(wanted / 25) },
  );
  const { user, system } = process.cpuUsage(began);
  process.stderr.write(
    `walk: seed ${seed}, ${tally.steps} steps, ${tally.lives} lives, ` +
      `${tally.refused} refused, ${tally.seen.size} combinations, ` +
      `${Math.round((user + system) / 1_000_000)} s of processor time\n`,
  );
  expect(tally.steps).toBeGreaterThanOrEqual(wanted);
}, 3_600_000);

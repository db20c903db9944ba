import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import {
  addBusinessTime,
  businessTimeBetween,
  subtractBusinessTime,
} from "../../../handoff/time/calendar.ts";
import { compiledVectors, vectors } from "./business-time/vectors.ts";

const calendars = compiledVectors();
const iso = (at: number) => new Date(at).toISOString().replace(".000Z", "Z");

describe("every worked case comes out right", () => {
  test.each(vectors.deadline_cases)(
    "$id $calendar: $why",
    ({ calendar, start, business_seconds, deadline }) => {
      expect(
        iso(addBusinessTime(calendars[calendar]!, Date.parse(start), business_seconds * 1_000)),
      ).toBe(deadline);
    },
  );

  test.each(vectors.elapsed_cases)(
    "$id $calendar: open time between two instants",
    ({ calendar, start, end, business_seconds }) => {
      expect(businessTimeBetween(calendars[calendar]!, Date.parse(start), Date.parse(end))).toBe(
        business_seconds * 1_000,
      );
      expect(
        businessTimeBetween(calendars[calendar]!, Date.parse(end), Date.parse(start)) +
          business_seconds * 1_000,
      ).toBe(0);
    },
  );

  test.each(vectors.deadline_cases)(
    "$id backwards: the latest start that still makes the deadline",
    ({ calendar, deadline, business_seconds }) => {
      const c = calendars[calendar]!;
      const end = Date.parse(deadline);
      const start = subtractBusinessTime(c, end, business_seconds * 1_000);
      expect(businessTimeBetween(c, start, end)).toBe(business_seconds * 1_000);
      expect(businessTimeBetween(c, start + 1, end)).toBeLessThan(business_seconds * 1_000);
    },
  );
});

test("the answers do not depend on the time zone of the process", async () => {
  const script = fileURLToPath(new URL("./business-time/answers.ts", import.meta.url));
  const runs = await Promise.all(
    ["UTC", "America/New_York", "Pacific/Apia"].map(async (zone) => {
      const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", script], {
        env: { ...process.env, TZ: zone },
        maxBuffer: 1e8,
      });
      return JSON.parse(stdout) as { zone: string; answers: unknown[] };
    }),
  );
  // The processes really lived in those zones.
  expect(runs.map((run) => run.zone)).toEqual(["UTC", "America/New_York", "Pacific/Apia"]);
  expect(runs[0]!.answers.length).toBeGreaterThan(1_000);
  expect(runs[1]!.answers).toEqual(runs[0]!.answers);
  expect(runs[2]!.answers).toEqual(runs[0]!.answers);
});

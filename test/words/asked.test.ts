import { expect, test } from "vitest";
import { sayQueue } from "../../words/asked.ts";

test.each([
  ["queue", "americas-sdr", "queue americas-sdr"],
  ["hold", "dach-sdr", "queue dach-sdr"],
  ["data", "marketing-ops", "queue marketing-ops"],
  ["assessment", "intake", null],
  ["signal", "nurture", null],
  ["return", "renurture", null],
  ["queue", null, null],
])("what waits for %s in %j is in %j", (waitingOn, queue, said) => {
  expect(sayQueue({ waitingOn, queue })).toBe(said);
});

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { crmWithTimeout, withTimeout } from "../../activities/crm-timeout.ts";
import { CrmDown, type CrmPort } from "../../crm/crm.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Ends with its signal, never by itself. */
function untilToldOff(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(new CrmDown("told off")), { once: true });
  });
}
const silent = {
  name: "silent",
  findLead: (_: unknown, signal?: AbortSignal) => untilToldOff(signal),
} as unknown as CrmPort;

test("a call that is never answered is given up, also where the garbage was collected meanwhile", async () => {
  const run = new AbortController();
  // One signal in another, as in a run that has its own end.
  const asked = expect(
    withTimeout(60_000, run.signal, (cut) =>
      crmWithTimeout(silent, 200).findLead({ leadId: "ld_1" }, cut),
    ),
  ).rejects.toThrow(CrmDown);
  for (let n = 0; n < 4; n++) {
    await pause(20);
    collectGarbage();
  }
  await asked;
}, 5_000);

test("whoever waits for the work can end it sooner, also before it began", async () => {
  const run = new AbortController();
  const asked = expect(withTimeout(60_000, run.signal, untilToldOff)).rejects.toThrow(CrmDown);
  run.abort();
  await asked;
  const seen = await withTimeout(60_000, run.signal, (signal) => Promise.resolve(signal.aborted));
  expect(seen).toBe(true);
});

test("work that ends in time leaves nothing behind: what it gives or throws is passed on", async () => {
  expect(await withTimeout(60_000, undefined, () => Promise.resolve(7))).toBe(7);
  await expect(
    withTimeout(60_000, undefined, () => Promise.reject(new CrmDown("at once"))),
  ).rejects.toThrow("at once");
});

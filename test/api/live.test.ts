import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLive, type Listener, type Live } from "../../api/live.ts";
import { ofPool, ofQueue } from "../../store/process/changed.ts";

let now: number;
let signedIn: Set<string>;
let live: Live;
beforeEach(() => {
  now = 1_000_000;
  signedIn = new Set(["sn_1", "sn_2"]);
  live = createLive({
    clock: () => now,
    areSignedIn: () => Promise.resolve(signedIn),
    beatMs: 5,
  });
  // As when the connection to Postgres stands.
  live.heard("");
});
afterEach(() => live.stop());

/** What a page is sent, as it comes; `retry` and beats left out. */
function page(listener: Partial<Listener> = {}) {
  const stream = live.join({ session: "sn_1", hears: new Set(["rp_1"]), since: now, ...listener });
  const told: string[] = [];
  const decoder = new TextDecoder();
  const end = (async () => {
    for await (const chunk of stream)
      for (const event of decoder.decode(chunk).trim().split("\n\n"))
        if (!/^(?:retry|:)/.test(event)) told.push(event.replaceAll("\n", " "));
    return "ended";
  })();
  return { told, end };
}
const turn = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));
const hint = (id: string, ...whose: string[]) => live.heard(JSON.stringify([[id, ...whose]]));

describe("who hears of what", () => {
  test("a rep of leads that are or were theirs, and of no other", async () => {
    const { told } = page();
    hint("ld_1", "rp_1", "rp_2");
    hint("ld_2", "rp_2");
    hint("ld_3", ofQueue);
    hint("ld_4", ofPool("emea"));
    await turn();
    expect(told).toEqual(["id: 1000000 data: ld_1"]);
  });

  test("a manager of the team's, its pools' and what waits in the queue", async () => {
    const { told } = page({ hears: new Set(["rp_1", "rp_2", ofQueue, ofPool("emea")]) });
    hint("ld_2", "rp_2");
    hint("ld_3", ofQueue);
    hint("ld_4", ofPool("emea"));
    hint("ld_5", ofPool("americas"));
    hint("ld_6", "rp_3");
    await turn();
    expect(told.map((one) => one.split("data: ")[1])).toEqual(["ld_2", "ld_3", "ld_4"]);
  });

  test("an office of everything, also of what nobody has", async () => {
    const { told } = page({ hears: null });
    live.heard(JSON.stringify([["ld_1", "rp_1"], ["ld_2"]]));
    await turn();
    expect(told).toEqual(["id: 1000000 data: ld_1 ld_2"]);
  });
});

describe("what was missed", () => {
  test("a page hears what came after it was made and before it listened, once for each lead", async () => {
    now += 10_000;
    hint("ld_1", "rp_1");
    hint("ld_1", "rp_1");
    hint("ld_2", "rp_2");
    now += 10_000;
    hint("ld_3", "rp_1");
    const { told } = page({ since: 1_005_000 });
    expect(told).toEqual([]);
    await turn();
    expect(told).toEqual(["id: 1020000 data: ld_1 ld_3"]);
    const later = page({ since: 1_015_000 });
    await turn();
    expect(later.told).toEqual(["id: 1020000 data: ld_3"]);
  });

  test.each([
    ["before the process was there", 999_999],
    ["never", Number.NaN],
  ])("who heard last %s is told that something may have changed", async (_, since) => {
    const { told } = page({ since });
    await turn();
    expect(told).toEqual(["id: 1000000 event: missed data: -"]);
  });

  test("so is everybody when the connection to Postgres was lost, or too much came at once", async () => {
    const { told } = page();
    now += 5;
    live.heard("");
    await turn();
    expect(told).toEqual(["id: 1000005 event: missed data: -"]);
  });

  test("what is forgotten is not taken for known", async () => {
    now += 1;
    hint("ld_first", "rp_1");
    now += 1;
    live.heard(JSON.stringify(Array.from({ length: 2_000 }, (_, n) => [`ld_${n}`, "rp_2"])));
    const { told } = page({ since: 1_000_000 });
    await turn();
    expect(told).toEqual(["id: 1000002 event: missed data: -"]);
  });
});

describe("a stream ends", () => {
  test("with the session, and that of another stays", async () => {
    const [mine, other] = [page(), page({ session: "sn_2" })];
    signedIn.delete("sn_1");
    expect(await mine.end).toBe("ended");
    expect(mine.told).toEqual(["event: over data: -"]);
    expect(live.size()).toBe(1);
    hint("ld_1", "rp_1");
    await turn();
    expect(other.told).toEqual(["id: 1000000 data: ld_1"]);
  });

  test("a page that comes while it is asked who is signed in is not taken for signed out", async () => {
    live.stop();
    const asked: ((answer: ReadonlySet<string>) => void)[] = [];
    live = createLive({
      clock: () => now,
      areSignedIn: () => new Promise((resolve) => asked.push(resolve)),
      beatMs: 1,
    });
    live.heard("");
    page();
    for (let n = 0; n < 200 && asked.length === 0; n++) await turn(1);
    const late = page({ session: "sn_2" });
    await turn(10);
    // While there is no answer, the next beats do not ask again.
    expect(asked).toHaveLength(1);
    asked[0]?.(new Set(["sn_1"]));
    await turn();
    hint("ld_1", "rp_1");
    await turn();
    expect(late.told).toEqual(["id: 1000000 data: ld_1"]);
  });

  test("not because the database is away", async () => {
    const away = createLive({
      clock: () => now,
      areSignedIn: () => Promise.reject(new Error("away")),
      beatMs: 1,
    });
    away.join({ session: "sn_1", hears: null, since: now });
    await turn(20);
    expect(away.size()).toBe(1);
    away.stop();
  });

  test("of the oldest page, when a session has a fifth", async () => {
    const all = Array.from({ length: 5 }, () => page());
    expect(await all[0]?.end).toBe("ended");
    expect(all[0]?.told).toEqual(["event: over data: -"]);
    expect(live.size()).toBe(4);
    page({ session: "sn_2" });
    expect(live.size()).toBe(5);
  });

  test("after a quarter of an hour, so that the reach is read anew", async () => {
    const { end, told } = page();
    now += 15 * 60_000 + 1;
    expect(await end).toBe("ended");
    // It comes again by itself.
    expect(told).toEqual([]);
  });

  test("of a page that takes nothing", async () => {
    live.join({ session: "sn_1", hears: null, since: now });
    for (let n = 0; n < 100; n++) hint(`ld_${n}`);
    expect(live.size()).toBe(0);
  });

  test("when the page goes away", async () => {
    const reader = live.join({ session: "sn_1", hears: null, since: now }).getReader();
    await reader.cancel();
    expect(live.size()).toBe(0);
    hint("ld_1");
  });

  test("with the process, and none begins after it", async () => {
    const { end } = page();
    live.stop();
    expect(await end).toBe("ended");
    expect(await page().end).toBe("ended");
    expect(live.size()).toBe(0);
  });
});

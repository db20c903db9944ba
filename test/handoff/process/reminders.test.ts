import { describe, expect, test } from "vitest";
import type { Situation } from "../../../handoff/process/situation.ts";
import {
  accepted,
  after,
  afterAll,
  contested,
  day,
  decided,
  goodFacts,
  hour,
  inNurture,
  later,
  messagesOf,
  minute,
  routed,
  situation,
  withPeople,
} from "../../support/situation.ts";

const { "account.name": _, ...withoutName } = goodFacts;
const inQueue = () =>
  afterAll(situation(), { kind: "arrived" }, routed({ kind: "queue", queue: "sales-ops" }));
const lacksData = () => afterAll(situation({ facts: withoutName }), { kind: "arrived" });
const inReview = () => after(inNurture(), { kind: "time" }, inNurture().now + 61 * day);
const escalated = () => after(later(accepted(), 5 * hour), { kind: "time" });
const stalled = () => after(later(accepted(), 30 * day), { kind: "time" });

const woken = (at: Situation): Situation => ({ ...at, now: at.process.nextAt ?? at.now });
/** Looks at each time that it asks for, until a task is asked for. */
function reminded(at: Situation): { readonly at: Situation; readonly told: readonly object[] } {
  for (let so = at, n = 0; n < 30; n++) {
    const decision = decided(woken(so), { kind: "time" });
    const told = messagesOf(decision).filter(({ what }) => what === "task-waits");
    so = decision.after;
    if (told.length > 0) return { at: so, told };
  }
  throw new Error("nobody was asked again");
}

const waits: readonly (readonly [string, () => Situation])[] = [
  ["a contested rejection", contested],
  ["a fallback queue", inQueue],
  ["missing facts", lacksData],
  ["a review in nurture", inReview],
  ["an escalated lead", escalated],
  ["stalled work", stalled],
];

describe.each(waits)("%s", (_name, build) => {
  test("has a time, at which somebody is reminded; and another one after that, and so on", () => {
    let at = build();
    for (let n = 0; n < 6; n++) {
      const [task] = at.tasks;
      expect(task?.remindAt).toBeGreaterThan(at.now);
      expect(at.process.nextAt).toBeLessThanOrEqual(task?.remindAt ?? 0);
      const next = reminded(at);
      expect(next.at.now).toBeGreaterThan(at.now);
      at = next.at;
    }
  });
  test("is asked for once at a time: looked at again nobody hears of it", () => {
    const { at } = reminded(build());
    expect(messagesOf(decided(later(at, 1), { kind: "time" }))).toEqual([]);
  });
});

describe("a manager who does not decide", () => {
  test("is reminded when the time is over, then the next above has task, lead and right", () => {
    const at = contested();
    const first = reminded(at);
    expect(first.told).toEqual([
      {
        what: "task-waits",
        task: "contested",
        role: "manager",
        assigneeId: "rp_lead",
        tell: "holder",
        since: at.now,
        dueAt: at.process.dueAt,
      },
    ]);
    let up = first.at;
    while (up.process.owner === "rp_lead") up = reminded(up).at;
    expect(up.process).toMatchObject({ waitingOn: "manager", owner: "rp_chief" });
    expect(up.tasks).toMatchObject([{ kind: "contested", assigneeId: "rp_chief" }]);
    // With time of their own.
    expect(up.process.dueAt).toBeGreaterThan(up.now);
    expect(up.process.dueAt).toBe(up.tasks[0]?.dueAt);
    const atTop = reminded(up);
    expect(atTop.told).toMatchObject([{ assigneeId: "rp_chief", tell: "holder" }]);
    expect(reminded(atTop.at).at.process.owner).toBe("rp_chief");
  });
  test("looked at weeks later it goes up at once, and only who has it then is told", () => {
    const decision = decided(later(contested(), 30 * day), { kind: "time" });
    expect(messagesOf(decision)).toMatchObject([
      { what: "task-waits", assigneeId: "rp_chief", tell: "holder" },
    ]);
    expect(decision.after.process.owner).toBe("rp_chief");
  });
  test("goes up to somebody who is there", () => {
    const at = withPeople(contested(), { rp_chief: { active: false } });
    const up = decided(later(at, 30 * day), { kind: "time" });
    expect(up.after.process.owner).toBe("rp_lead");
    expect(up.after.tasks[0]?.remindAt).toBeGreaterThan(up.after.now);
  });
});

test("a queue that nobody answers for is told, and so are the managers", () => {
  const at = inQueue();
  const told: object[] = [];
  for (let so = at, n = 0; n < 2; n++) {
    const next = reminded(so);
    told.push(...next.told);
    so = next.at;
  }
  expect(told).toMatchObject([
    { role: "sales-ops", assigneeId: null, tell: "holder" },
    { role: "sales-ops", assigneeId: null, tell: "above" },
  ]);
});

test("who does not act is asked less and less often", () => {
  const times: number[] = [];
  for (let so = reminded(lacksData()).at, n = 0; n < 8; n++) {
    so = reminded(so).at;
    times.push(so.now);
  }
  const waitsFor = times.slice(1).map((time, n) => time - times[n]!);
  expect(waitsFor.at(-1)).toBeGreaterThan(waitsFor[0]!);
});

test("a task that is brought up to date keeps its time", () => {
  const at = lacksData();
  const [before] = at.tasks;
  const again = after(later(at, minute), { kind: "policy" });
  expect(again.tasks).toMatchObject([{ dueAt: before?.dueAt, remindAt: before?.remindAt }]);
});

test("the facts came: nobody is asked any more", () => {
  const at = after({ ...lacksData(), facts: goodFacts }, { kind: "facts" });
  expect(at.tasks).toEqual([]);
});

import { describe, expect, test } from "vitest";
import { openHandoff, type Handoff, type Situation } from "../../../handoff/process/situation.ts";
import {
  accepted,
  acted,
  after,
  day,
  decided,
  later,
  messagesOf,
  monday,
  offered,
  situation,
} from "../../support/situation.ts";

/** The same as another system would have left it: no clocks, no offers, long ago. */
function ofAnother(at: Situation, more: Partial<Handoff> = {}): Situation {
  const long = monday - 200 * day;
  const handoff = openHandoff(at);
  return {
    ...at,
    now: monday + day,
    process: { ...at.process, stageSince: long, dueAt: null, nextAt: null },
    clocks: [],
    offers: [],
    answeredAt: null,
    lastActivityAt: null,
    handoff: {
      ...handoff,
      mqlAt: long,
      offeredAt: long,
      salAt: handoff.salAt === null ? null : long,
      attemptsUntil: null,
      takenOverAt: monday + day,
      ...more,
    },
  };
}
const takenOver = { kind: "takenOver" } as const;

describe("an open handoff of another system is taken over", () => {
  test("unanswered: it stays with its rep, whose clocks run from now, and nobody is mailed", () => {
    const at = ofAnother(offered());
    const decision = decided(at, takenOver);
    expect(decision.after.process).toMatchObject({
      stage: "mql",
      waitingOn: "outreach",
      owner: "rp_one",
    });
    expect(messagesOf(decision)).toEqual([]);
    const clocks = decision.changes.flatMap((one) => (one.do === "start-clocks" ? one.clocks : []));
    expect(clocks.map(({ scope, kind, at: from }) => [scope, kind, from])).toEqual([
      ["lead", "outreach", at.now],
      ["rep", "outreach", at.now],
      ["lead", "status", at.now],
      ["rep", "status", at.now],
    ]);
    const soon = later(after(at, takenOver), 60_000);
    expect(messagesOf(decided(soon, { kind: "time" }))).toEqual([]);
    expect(messagesOf(decided(later(soon, 30 * day), { kind: "time" })).length).toBeGreaterThan(0);
  });

  test("reached already: only its answer is waited for", () => {
    const { after: left } = decided(
      ofAnother(offered(), { firstOutreachAt: monday - 199 * day }),
      takenOver,
    );
    expect(left.process.waitingOn).toBe("answer");
    const running = left.clocks.filter(
      ({ events }) => !events.some(({ kind }) => kind === "stop" || kind === "cancel"),
    );
    expect(new Set(running.map(({ kind }) => kind))).toEqual(new Set(["status"]));
  });

  test("without a handoff that was told of: its rep has it from now on, and may accept", () => {
    const at = ofAnother(offered(), { offeredAt: null, round: 0 });
    const left = after({ ...at, process: { ...at.process, waitingOn: "assessment" } }, takenOver);
    expect(left.handoff).toMatchObject({ repId: "rp_one", round: 1, offeredAt: at.now });
    expect(left.offers).toMatchObject([{ repId: "rp_one", round: 1 }]);
    const done = acted(later(left, 60_000), "accept", {});
    expect(done.process.stage).toBe("sal");
    expect(done.handoff?.offeredAt).toBe(at.now);
    const told = after(ofAnother(offered()), takenOver);
    expect(told.handoff?.offeredAt).toBe(monday - 200 * day);
  });

  test("with nobody, or with somebody who has left: it is routed", () => {
    const nobodys = ofAnother(offered(), { repId: null, round: 0 });
    const at = ofAnother(offered());
    const gone = { ...at.people["rp_one"], active: false } as Situation["people"][string];
    const left = { ...at, people: { ...at.people, rp_one: gone } };
    for (const one of [nobodys, left])
      expect(decided(one, takenOver).after.process).toMatchObject({
        waitingOn: "assessment",
        owner: null,
        queue: "routing",
      });
  });

  test("accepted: the time for attempts begins now, and it is not stalled before its time", () => {
    const left = after(ofAnother(accepted()), takenOver);
    expect(left.process).toMatchObject({ stage: "sal", waitingOn: "attempts", owner: "rp_one" });
    expect(left.handoff?.attemptsUntil).toBeGreaterThan(left.now);
    const tasks = (at: Situation) =>
      decided(at, { kind: "time" }).changes.filter((one) => one.do === "open-task");
    expect(tasks(later(left, day))).toEqual([]);
    expect(tasks(later(left, 60 * day))).toMatchObject([{ task: { kind: "stalled" } }]);
  });

  test("accepted by somebody who has left: as of any leaver, and the manager is asked", () => {
    const at = ofAnother(accepted());
    const gone = { ...at.people["rp_one"], active: false } as Situation["people"][string];
    const given = { ...at, people: { ...at.people, rp_one: gone } };
    expect(messagesOf(decided(given, takenOver))).toEqual([]);
    const looked = decided(later(after(given, takenOver), 1), { kind: "time" });
    expect(looked.after.tasks).toMatchObject([{ kind: "escalated" }]);
    expect(messagesOf(looked)).toContainEqual(expect.objectContaining({ what: "escalation" }));
  });

  test("confirmed: it waits for the opportunity", () => {
    const sql = acted(accepted(), "advance", { to: "sql" });
    expect(decided(ofAnother(sql), takenOver).after.process).toMatchObject({
      stage: "sql",
      waitingOn: "opportunity",
      owner: "rp_one",
    });
  });
});

test("what Baton leads itself is not taken over", () => {
  for (const at of [situation(), offered(), accepted()]) {
    const { changes, because } = decided(at, takenOver);
    expect(because).toBe("nothing to take over");
    expect(changes.filter(({ do: what }) => what !== "stand" && what !== "show-clocks")).toEqual(
      [],
    );
  }
});

test("an outreach to a lead that was taken over says nothing of how long it waited", () => {
  const left = after(ofAnother(offered()), takenOver);
  const { after: reached, changes } = decided(later(left, 60_000), {
    kind: "action",
    action: {
      id: "ac_1",
      name: "accept",
      body: {},
      by: "rp_one",
      role: "rep",
      via: "api",
      receivedAt: left.now + 60_000,
      seen: null,
    },
  });
  expect(reached.process.stage).toBe("sal");
  expect(changes.find((one) => one.do === "record-answer")).toMatchObject({ onTime: true });
});

import { describe, expect, test } from "vitest";
import { isRunning } from "../../../handoff/process/clocks.ts";
import type { Situation } from "../../../handoff/process/situation.ts";
import {
  accepted,
  acted,
  action,
  after,
  afterAll,
  assigned,
  contested,
  day,
  decided,
  demo,
  hour,
  later,
  messagesOf,
  minute,
  offered,
  person,
  refused,
  routed,
  situation,
  withPeople,
} from "../../support/situation.ts";

const repClocks = (at: Situation) =>
  at.clocks.filter((clock) => isRunning(clock) && clock.scope === "rep").map(({ id }) => id);
const what = (at: Situation, event: Parameters<typeof decided>[1]) =>
  messagesOf(decided(at, event)).map((message) => message.what);
/** The moment at which the subject wakes. */
const woken = (at: Situation): Situation => ({ ...at, now: at.process.nextAt ?? at.now });

describe("a missed deadline", () => {
  test("is warned of, then shown to the manager, then taken to another rep", () => {
    const half = woken(offered());
    expect(messagesOf(decided(half, { kind: "time" }))).toMatchObject([
      {
        what: "warning",
        clock: "outreach",
        fraction: 0.5,
        dueAt: half.process.dueAt,
      },
    ]);
    let missed = woken(after(half, { kind: "time" }));
    while (!what(missed, { kind: "time" }).includes("breach")) {
      expect(missed.now).toBeLessThan((missed.process.dueAt ?? 0) + minute);
      missed = woken(after(missed, { kind: "time" }));
    }
    const decision = decided(missed, { kind: "time" });
    expect(messagesOf(decision)).toMatchObject([
      {
        what: "breach",
        dueAt: missed.process.dueAt,
        next: { do: "reassign", at: (missed.process.dueAt ?? 0) + 30 * minute },
      },
      { what: "escalation", rung: 1, waits: false },
    ]);
    const over = woken(after(missed, { kind: "time" }));
    expect(what(over, { kind: "time" })).toEqual(["reassigned-away"]);
    const taken = after(over, { kind: "time" });
    expect(taken.process).toMatchObject({ waitingOn: "assessment", queue: "routing", owner: null });
    expect(repClocks(taken)).toEqual([]);
  });
  test("looked at too late says nothing that is over by then", () => {
    const at = later(offered(), 5 * hour);
    expect(messagesOf(decided(at, { kind: "time" }))).toMatchObject([
      { what: "breach", next: { do: "reassign" } },
      { what: "reassigned-away" },
    ]);
  });
  test("goes to the manager once the reassignments are used up, and says who must act", () => {
    const first = offered();
    const at = later({ ...first, handoff: { ...first.handoff!, reassignments: 2 } }, 5 * hour);
    const decision = decided(at, { kind: "time" });
    expect(messagesOf(decision)).toMatchObject([
      { what: "breach", next: { do: "manager-queue" } },
      { what: "escalation", rung: 0, waits: true, dueAt: first.process.dueAt },
    ]);
    expect(decision.after.process).toMatchObject({ waitingOn: "manager", owner: "rp_lead" });
    expect(decision.after.tasks).toMatchObject([{ kind: "escalated", assigneeId: "rp_lead" }]);
  });
  test("on an accepted lead leaves it with its rep, and the manager has a task", () => {
    const at = later(accepted(), 5 * hour);
    const decision = decided(at, { kind: "time" });
    expect(decision.after.process).toMatchObject({ stage: "sal", owner: "rp_one" });
    expect(decision.after.tasks).toMatchObject([{ kind: "escalated", assigneeId: "rp_lead" }]);
    expect(messagesOf(decision)[0]).toMatchObject({
      what: "breach",
      next: { do: "manager-task", at: null },
    });
    const done = acted(decision.after, "logOutreach", { channel: "call" });
    expect(done.tasks).toEqual([]);
  });
  test("is taken back when an answer turns out to have come in time", () => {
    const missed = after(later(offered(), 61 * minute), { kind: "time" });
    const late = later(missed, minute);
    const inTime = action(late, "logOutreach", { channel: "call" }, "rp_one", {
      receivedAt: late.now - 3 * minute,
    });
    expect(decided(late, inTime).answer).toMatchObject({ onTime: true });
  });
});

describe("a pause", () => {
  test("stops all clocks, and ends at its limit, however late that is seen", () => {
    const at = later(offered(), 10 * minute);
    const until = new Date(at.now + hour).toISOString();
    const paused = after(at, action(at, "pause", { reason: "legal-review", until }, "rp_one"));
    expect(paused.process.dueAt).toBeNull();
    expect(paused.process.nextAt).toBe(at.now + hour);
    const over = after(paused, { kind: "time" }, at.now + hour + 5 * minute);
    expect(over.process.dueAt).toBe(at.now + hour + 50 * minute);
  });
  test("is resumed by its rep, not twice, and not for a reason that is not agreed", () => {
    const at = later(offered(), minute);
    expect(refused(at, action(at, "pause", { reason: "holiday" }, "rp_one")).code).toBe(
      "not-a-reason",
    );
    expect(refused(at, action(at, "resume", {}, "rp_one")).code).toBe("not-paused");
    const paused = acted(at, "pause", { reason: "legal-review" });
    expect(
      refused(paused, action(paused, "pause", { reason: "legal-review" }, "rp_one")).code,
    ).toBe("paused-already");
    expect(acted(paused, "resume", {}).process.dueAt).not.toBeNull();
  });
  test("is limited for each handoff and reason, however often it is asked for", () => {
    const first = acted(offered(), "pause", { reason: "legal-review" });
    expect(first.handoff?.pausedUntil).toBe(Date.parse("2026-11-27T18:00:00Z"));
    const back = acted(later(first, hour), "resume", {});
    const second = acted(back, "pause", { reason: "legal-review" });
    // The first would have ended with Friday; one open minute lay between the two.
    const limit = Date.parse("2026-11-30T14:01:00Z");
    expect(second.handoff?.pausedUntil).toBe(limit);
    const over = after(second, { kind: "time" }, limit);
    const again = later(over, 1);
    expect(refused(again, action(again, "pause", { reason: "legal-review" }, "rp_one")).code).toBe(
      "pause-used-up",
    );
    expect(
      acted(again, "pause", { reason: "lead-asked-to-wait" }).handoff?.pausedUntil,
    ).not.toBeNull();
  });
  test("does not outlive its owner: whoever has it next has running clocks", () => {
    const paused = acted(offered(), "pause", { reason: "legal-review" });
    const moved = acted(paused, "reassign", { to: "rp_two" }, "rp_lead");
    const next = after(moved, assigned("rp_two", 2), moved.now + 1);
    expect(next.handoff?.pausedUntil).toBeNull();
    expect(next.process.dueAt).toBe(next.now + hour);
  });
});

describe("routing", () => {
  test("holds, and a time that has come has it looked at again, in its queue", () => {
    const asked = afterAll(situation(), { kind: "arrived" });
    const opens = { kind: "held" as const, pool: "americas-sdr", untilAt: asked.now + hour };
    const held = after(asked, routed(opens));
    expect(held.process).toMatchObject({
      waitingOn: "hold",
      queue: "americas-sdr",
      nextAt: asked.now + hour,
    });
    const again = after(held, { kind: "time" }, asked.now + hour);
    expect(again.process).toMatchObject({ waitingOn: "assessment", queue: "americas-sdr" });
    const still = decided(again, routed({ kind: "held", pool: "americas-sdr", untilAt: null }));
    expect(still.after.process.waitingOn).toBe("hold");
    expect(still.changes).not.toContainEqual({ do: "sync-crm" });
    expect(after(held, { kind: "roster" }).process.waitingOn).toBe("assessment");
  });
  test("into a queue of people opens their task", () => {
    const at = afterAll(
      situation(),
      { kind: "arrived" },
      routed({ kind: "queue", queue: "sales-ops" }),
    );
    expect(at.process).toMatchObject({ waitingOn: "queue", queue: "sales-ops" });
    expect(at.tasks).toMatchObject([{ kind: "fallback", role: "sales-ops" }]);
    expect(acted(at, "reassign", { to: "rp_two" }, "rp_lead").tasks).toEqual([]);
  });
  test("that answers late changes nothing, and what it has on record ends", () => {
    const at = offered();
    const late = assigned("rp_two", 2);
    const second = { ...at.offers[0]!, round: 2, repId: "rp_two" };
    const onRecord = { ...at, offers: [...at.offers, second] };
    const decision = decided(onRecord, late);
    expect(decision.after.process).toMatchObject({ waitingOn: "outreach", owner: "rp_one" });
    expect(decision.changes).toContainEqual({
      do: "reverse-credit",
      handoffId: at.handoff!.id,
      round: 2,
    });
    expect(decision.after.offers).toEqual(at.offers);
    expect(decided(at, assigned("rp_two", 1)).after.process.owner).toBe("rp_one");
  });
  test("that answers for an earlier handoff does not place the next one", () => {
    const back = after(acted(offered(), "handBack", {}), { kind: "time" });
    const next = { ...back, process: { ...back.process, exitAt: back.now - 2 * day } };
    const engagements = [...next.engagements, demo(next.now - 1, "en_2")];
    const again = afterAll({ ...next, engagements }, { kind: "engaged" });
    expect(again.process.waitingOn).toBe("assessment");
    const stale = { ...assigned("rp_two"), handoffId: "ho_1_1" };
    expect(after(again, stale).process.waitingOn).toBe("assessment");
  });
  test("to somebody who has just left, or past a manager's choice, is asked again", () => {
    const fresh = afterAll(situation(), { kind: "arrived" });
    const asked = withPeople(fresh, { rp_one: { active: false } });
    const decision = decided(asked, assigned("rp_one"));
    expect(decision.after.process).toMatchObject({ waitingOn: "assessment", owner: null });
    expect(messagesOf(decision)).toEqual([]);
    expect(decision.after.handoff?.round).toBe(1);
    const held = after(fresh, routed({ kind: "held", pool: "p", untilAt: null }));
    const chosen = acted(held, "reassign", { to: "rp_two" }, "rp_lead");
    const past = after(chosen, assigned("rp_one"));
    expect(past.handoff).toMatchObject({ assignTo: "rp_two", repId: null });
    expect(after(past, assigned("rp_two", 2)).process.owner).toBe("rp_two");
  });
});

describe("people come, leave and change hours", () => {
  const left = (at: Situation, ...ids: string[]) => {
    const gone = Object.fromEntries(ids.map((id) => [id, { active: false }]));
    return after(withPeople(at, gone), { kind: "roster" });
  };

  test("an offer of who left is routed again, and nobody writes to them", () => {
    const gone = withPeople(offered(), { rp_one: { active: false } });
    const decision = decided(gone, { kind: "roster" });
    expect(decision.after.process).toMatchObject({ waitingOn: "assessment", queue: "routing" });
    expect(repClocks(decision.after)).toEqual([]);
    expect(messagesOf(decision)).toEqual([]);
  });
  test("that somebody left is noticed by the next look, though nobody told the process", () => {
    for (const [build, owner] of [
      [offered, null],
      [accepted, "rp_lead"],
    ] as const) {
      const gone = withPeople(build(), { rp_one: { active: false } });
      expect(after(later(gone, 5 * hour), { kind: "time" }).process.owner).toBe(owner);
    }
  });
  test("an accepted lead goes to the manager, who is told and has a clock for it", () => {
    const at = left(accepted(), "rp_one");
    expect(at.process).toMatchObject({ stage: "sal", owner: "rp_lead" });
    expect(at.tasks).toMatchObject([
      { kind: "escalated", assigneeId: "rp_lead", detail: { repId: "rp_one" } },
    ]);
    expect(repClocks(at)).toEqual(["ho_1_1/outreach/rep/2"]);
  });
  test("without an active manager it waits in the managers' queue, with a task", () => {
    const at = left(acted(accepted(), "advance", {}), "rp_one", "rp_lead", "rp_chief");
    expect(at.process).toMatchObject({ stage: "sql", owner: null, queue: "manager" });
    expect(at.tasks).toMatchObject([{ kind: "escalated", assigneeId: null, role: "manager" }]);
    expect(repClocks(at)).toEqual([]);
  });
  test("what waited for a manager who left waits for the next one who is there", () => {
    expect(left(contested(), "rp_lead").process.owner).toBe("rp_chief");
    expect(left(contested(), "rp_lead").tasks).toMatchObject([{ assigneeId: "rp_chief" }]);
    expect(left(contested(), "rp_lead", "rp_chief").process).toMatchObject({
      owner: null,
      queue: "manager",
    });
    // The rejection was heard: who rejected may leave.
    expect(left(contested(), "rp_one").process).toMatchObject({
      waitingOn: "manager",
      owner: "rp_lead",
    });
  });
  test("clocks run on by new hours, and used time stays used", () => {
    const at = later(offered(), 20 * minute);
    const changed = withPeople(at, { rp_one: { calendarId: "newYork" } });
    const next = after(changed, { kind: "roster" });
    expect(next.clocks.every(({ events }) => events.at(-1)?.kind === "calendar-changed")).toBe(
      true,
    );
    expect(next.process.dueAt).toBe(at.now + 40 * minute);
    const again = decided(next, { kind: "roster" });
    expect(again.changes.filter((change) => change.do === "clock-event")).toEqual([]);
  });
  test("an offer to somebody whose hours never come is routed again", () => {
    const away = withPeople(offered(), { rp_one: { calendarId: "never" } });
    expect(after(away, { kind: "roster" }).process.waitingOn).toBe("assessment");
  });
  test("who was not there before is nobody that left", () => {
    const rp_new = person("rp_new", "rep", "rp_lead");
    const at = { ...offered(), people: { ...offered().people, rp_new } };
    expect(after(at, { kind: "roster" }).process).toMatchObject({
      waitingOn: "outreach",
      owner: "rp_one",
    });
  });
});

describe("reassignment by a manager", () => {
  test("after acceptance starts the new owner's clock, and says when it is due", () => {
    const worked = later(acted(accepted(), "logOutreach", { channel: "call" }), hour);
    const decision = decided(worked, action(worked, "reassign", { to: "rp_two" }, "rp_lead"));
    expect(decision.after.process).toMatchObject({ stage: "sal", owner: "rp_two" });
    expect(repClocks(decision.after)).toEqual(["ho_1_1/outreach/rep/2"]);
    expect(messagesOf(decision)).toMatchObject([
      { what: "reassigned-away", repId: "rp_one" },
      { what: "offer", repId: "rp_two", stage: "sal", dueAt: decision.after.process.dueAt },
    ]);
    expect(decision.after.process.dueAt).not.toBeNull();
  });
  test("of a lead that nobody has is not refused for the offer of somebody who left", () => {
    const gone = withPeople(later(offered(), hour), { rp_one: { active: false } });
    const free = later(after(gone, { kind: "roster" }), minute);
    const held = after(free, routed({ kind: "held", pool: "p", untilAt: null }, 2));
    const receivedAt = held.process.stageSince;
    const early = action(held, "reassign", { to: "rp_two" }, "rp_lead", { receivedAt });
    expect(decided(held, early).after.handoff?.assignTo).toBe("rp_two");
  });
  test("to nobody, to who has it, to who left, or by a rep who does not have it is refused", () => {
    const at = later(accepted(), minute);
    expect(refused(at, action(at, "reassign", {}, "rp_lead")).code).toBe("owner-missing");
    expect(refused(at, action(at, "reassign", { to: "rp_one" }, "rp_lead")).code).toBe(
      "same-owner",
    );
    expect(refused(at, action(at, "reassign", { to: "rp_nobody" }, "rp_lead")).code).toBe(
      "unknown-rep",
    );
    const gone = withPeople(at, { rp_two: { active: false } });
    expect(refused(gone, action(gone, "reassign", { to: "rp_two" }, "rp_lead")).code).toBe(
      "unknown-rep",
    );
    expect(refused(at, action(at, "reassign", { to: "rp_two" }, "rp_two")).code).toBe("not-yours");
  });
});

describe("work on an accepted lead", () => {
  test("given up as no response when attempts and window are over, also by the last one", () => {
    const at = accepted();
    const tried = { ...at, handoff: { ...at.handoff!, attempts: 6 } };
    expect(after(later(tried, 60 * day), { kind: "time" }).process).toMatchObject({
      stage: "renurture",
      exitReason: "no response after the agreed attempts",
    });
    const late = later({ ...at, handoff: { ...at.handoff!, attempts: 5 } }, 60 * day);
    const last = after(late, action(late, "logOutreach", { channel: "call" }, "rp_one"));
    expect(last.process.nextAt).toBe(late.now);
    expect(after(last, { kind: "time" }).process.stage).toBe("renurture");
  });
  test("with attempts missing is shown to the manager once, until somebody acts", () => {
    const worked = acted(accepted(), "logOutreach", { channel: "call" });
    const quiet = later(worked, 30 * day);
    expect(what(quiet, { kind: "time" })).toEqual(["stalled"]);
    const shown = after(quiet, { kind: "time" });
    expect(what(later(shown, day), { kind: "time" })).toEqual([]);
    const acting = acted(shown, "logOutreach", { channel: "call" });
    expect(acting.tasks).toEqual([]);
    expect(what(later(acting, 30 * day), { kind: "time" })).toEqual(["stalled"]);
  });
});

import { describe, expect, test } from "vitest";
import { isRunning } from "../../../handoff/process/clocks.ts";
import type { Person, PersonAbsence, Situation } from "../../../handoff/process/situation.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import {
  accepted,
  acted,
  action,
  contested,
  day,
  decided,
  hour,
  later,
  messagesOf,
  minute,
  offered,
  refused,
  reloaded,
  withPeople,
} from "../../support/situation.ts";

const change = { kind: "roster" } as const;
const connected = { channel: "call", outcome: "connected" } as const;

describe("a rep who moves out of the pool whose turn it was", () => {
  test("keeps no offer: it is routed again, and the rep is told", () => {
    const decision = decided(offered({ outOfPool: true }), change);
    expect(decision.after.process).toMatchObject({
      stage: "mql",
      waitingOn: "assessment",
      queue: "routing",
    });
    expect(messagesOf(decision)).toEqual([
      { what: "reassigned-away", repId: "rp_one", because: "the owner has left the pool" },
    ]);
    expect(decision.after.offers).toEqual([]);
  });

  test("keeps no accepted lead: the manager has it with a task, a clock runs, both are told", () => {
    const { after, changes } = decided(accepted({ outOfPool: true }), change);
    expect(after.process).toMatchObject({ stage: "sal", owner: "rp_lead", queue: null });
    expect(after.tasks).toMatchObject([{ kind: "escalated", assigneeId: "rp_lead" }]);
    const told = changes.flatMap((one) => (one.do === "send" ? [one.message] : []));
    expect(told).toMatchObject([
      { what: "escalation", repId: "rp_one", waits: true },
      { what: "reassigned-away", repId: "rp_one" },
      { what: "offer", repId: "rp_lead", stage: "sal", again: true },
    ]);
  });

  test("who is still in the pool keeps everything", () => {
    for (const at of [offered(), accepted()])
      expect(decided(at, change).after.process.owner).toBe("rp_one");
  });
});

describe("a manager who leaves", () => {
  const left = withPeople(contested(), { rp_lead: { active: false } });

  test("hands a contested rejection to the next active manager, who is told by when to decide", () => {
    const decision = decided(left, change);
    expect(decision.after.process).toMatchObject({ waitingOn: "manager", owner: "rp_chief" });
    const [task] = decision.after.tasks;
    expect(task).toMatchObject({ kind: "contested", assigneeId: "rp_chief" });
    expect(messagesOf(decision)).toMatchObject([
      { what: "contested", managerId: "rp_chief", repId: "rp_one", dueAt: task?.dueAt },
    ]);
    const at = later(decision.after, minute);
    const decide = action(at, "decideContest", { decision: "uphold" }, "rp_chief");
    expect(decided(at, decide).after.process.stage).not.toBe("mql");
  });

  test("without anybody above leaves it to the role", () => {
    const alone = withPeople(left, { rp_chief: { active: false } });
    const { after } = decided(alone, change);
    expect(after.process).toMatchObject({ owner: null, queue: "manager" });
    expect(after.tasks).toMatchObject([{ kind: "contested", assigneeId: null, role: "manager" }]);
  });

  test("and one who stays keeps it, untold", () => {
    const decision = decided(contested(), change);
    expect(decision.after.process.owner).toBe("rp_lead");
    expect(messagesOf(decision)).toEqual([]);
  });
});

describe("a manager who gives a lead away", () => {
  const because = (to: string, by: string) => {
    const stage = later(accepted(), minute);
    const { answer } = decided(stage, action(stage, "reassign", { to }, by));
    return answer?.done ? answer.because : answer?.message;
  };

  test("to somebody outside the own team may, and the answer says so", () => {
    expect(because("rp_three", "rp_lead")).toBe(
      "reassigned to rp_three, who is outside the team of rp_lead",
    );
  });

  test("within the own team, however far below, hears nothing of it", () => {
    expect(because("rp_two", "rp_lead")).toBe("reassigned to rp_two");
    expect(because("rp_two", "rp_chief")).toBe("reassigned to rp_two");
    expect(because("rp_lead", "rp_lead")).toBe("reassigned to rp_lead");
  });
});

const ill = (at: Situation, more: Partial<PersonAbsence> = {}): Partial<Person> => ({
  absences: [
    { from: at.now - hour, to: at.now + 5 * day, knownAt: at.now, deputyId: null, ...more },
  ],
});

describe("a rep who falls ill for days", () => {
  test("keeps no offer: it is routed again at once, and the rep is told", () => {
    const at = later(offered(), minute);
    const decision = decided(withPeople(at, { rp_one: ill(at) }), change);
    expect(decision.after.process).toMatchObject({ waitingOn: "assessment", queue: "routing" });
    expect(messagesOf(decision)).toEqual([
      { what: "reassigned-away", repId: "rp_one", because: "the owner is absent" },
    ]);
  });

  test("hands accepted leads in every stage to the deputy of the absence, else to the own one", () => {
    const sql = acted(acted(accepted(), "logOutreach", connected), "advance", {});
    for (const at of [later(accepted(), minute), later(sql, minute)]) {
      for (const [deputyId, own, to] of [
        ["rp_three", "rp_two", "rp_three"],
        [null, "rp_two", "rp_two"],
      ] as const) {
        const away = withPeople(at, { rp_one: { ...ill(at, { deputyId }), deputyId: own } });
        const decision = decided(away, change);
        const { after } = decision;
        expect(after.process).toMatchObject({ stage: at.process.stage, owner: to });
        expect(after.clocks.filter(isRunning).map(({ id }) => id)).toContain(
          "ho_1_1/outreach/rep/2",
        );
        expect(messagesOf(decision)).toMatchObject([
          { what: "reassigned-away", repId: "rp_one" },
          { what: "offer", repId: to },
        ]);
      }
    }
  });

  test("who was chosen while ill keeps the offer until the vacation that follows begins", () => {
    const at = offered();
    const sick = ill(at, { knownAt: at.now - minute }).absences ?? [];
    const vacation = { from: at.now + 2 * day, to: at.now + 16 * day, knownAt: at.now - hour };
    const away = { rp_one: { absences: [...sick, { ...vacation, deputyId: null }] } };
    const kept = decided(withPeople(later(at, minute), away), change);
    expect(kept.after.process).toMatchObject({ waitingOn: "outreach", owner: "rp_one" });
    const begun = decided(withPeople(later(at, 2 * day + minute), away), change);
    expect(begun.after.process).toMatchObject({ waitingOn: "assessment", queue: "routing" });
  });

  test("without a deputy the manager is shown it once, with a suggestion, and it stays", () => {
    const at = later(accepted(), minute);
    const away = { ...withPeople(at, { rp_one: ill(at) }), suggested: "rp_two" };
    const decision = decided(away, change);
    expect(decision.after.process.owner).toBe("rp_one");
    expect(decision.after.tasks).toMatchObject([
      { kind: "stalled", assigneeId: "rp_lead", detail: { suggested: "rp_two", repId: "rp_one" } },
    ]);
    expect(messagesOf(decision)).toMatchObject([{ what: "escalation", waits: false }]);
    // Also when the manager has ended the task.
    const ended = { ...later(decision.after, minute), tasks: [] };
    expect(messagesOf(decided(ended, change))).toEqual([]);
    const back = decided(
      withPeople(later(decision.after, hour), { rp_one: { absences: [] } }),
      change,
    );
    expect(back.after.tasks).toEqual([]);
  });

  test("who leaves during the absence leaves no task about it", () => {
    const at = later(accepted(), minute);
    const shown = decided(withPeople(at, { rp_one: ill(at) }), change).after;
    const gone = withPeople(later(shown, hour), { rp_one: { ...ill(at), active: false } });
    const { after } = decided(gone, change);
    expect(after.process.owner).toBe("rp_lead");
    expect(after.tasks.map(({ kind }) => kind)).toEqual(["escalated"]);
  });

  test("a deputy who is away too is stood in for; in a circle the manager is asked", () => {
    const at = later(accepted(), minute);
    const both = { ...ill(at), deputyId: "rp_two" };
    const third = withPeople(at, { rp_one: both, rp_two: { ...ill(at), deputyId: "rp_three" } });
    expect(decided(third, change).after.process.owner).toBe("rp_three");
    const circle = withPeople(at, { rp_one: both, rp_two: { ...ill(at), deputyId: "rp_one" } });
    expect(decided(circle, change).after.tasks).toMatchObject([{ kind: "stalled" }]);
  });

  test("a day off moves nothing, nor does what the agreement keeps", () => {
    const keep = exampleAgreement(
      ["offers: route-again                     # or keep", "offers: keep"],
      ["accepted: deputy                        # without", "accepted: keep # without"],
    );
    for (const start of [offered(), accepted()]) {
      const at = later(start, minute);
      const dayOff = withPeople(at, { rp_one: { ...ill(at, { to: at.now + 4 * hour }) } });
      const kept = { ...withPeople(at, { rp_one: ill(at) }), agreement: keep };
      for (const one of [dayOff, kept]) {
        const { after } = decided(one, change);
        expect([after.process.owner, after.tasks]).toEqual(["rp_one", []]);
      }
    }
  });

  test("an absence ahead is waited for: the lead is looked at when it begins", () => {
    const at = later(offered(), minute);
    const from = at.now + 20 * minute;
    const planned = withPeople(at, { rp_one: ill(at, { from }) });
    const { after } = decided(planned, change);
    expect(after.process).toMatchObject({ owner: "rp_one", nextAt: from });
    const begun = decided({ ...after, now: from }, { kind: "time" });
    expect(begun.after.process.queue).toBe("routing");
  });

  test("two absences that touch are one", () => {
    const at = later(offered(), minute);
    const parts = [8, 16, 24, 32, 40].map((hours) => ({
      from: at.now + (hours - 9) * hour,
      to: at.now + (hours - 1) * hour,
      knownAt: at.now,
      deputyId: null,
    }));
    const days = withPeople(at, { rp_one: { absences: parts } });
    expect(decided(days, change).after.process.queue).toBe("routing");
  });

  test("whom a manager chose during the absence keeps the lead", () => {
    const at = later(accepted(), minute);
    const away = withPeople(at, { rp_two: ill(at) });
    const then = later(away, minute);
    const { after } = decided(then, action(then, "reassign", { to: "rp_two" }, "rp_lead"));
    const told = decided(later(after, minute), change);
    expect(told.after.process.owner).toBe("rp_two");
    expect(told.after.tasks).toEqual([]);
  });
});

describe("who leaves with a deputy named", () => {
  test("hands accepted leads to the deputy, not to the manager", () => {
    const left = withPeople(accepted(), { rp_one: { active: false, deputyId: "rp_two" } });
    const decision = decided(left, change);
    expect(decision.after.process).toMatchObject({ stage: "sal", owner: "rp_two" });
    expect(decision.after.tasks).toEqual([]);
    const rule = exampleAgreement([
      "accepted: deputy                        # to",
      "accepted: manager # to",
    ]);
    const { after } = decided({ ...left, agreement: rule, suggested: "rp_three" }, change);
    expect(after.process.owner).toBe("rp_lead");
    expect(after.tasks).toMatchObject([{ kind: "escalated", detail: { suggested: "rp_two" } }]);
  });
});

describe("an opportunity whose owner leaves", () => {
  const connectedOne = acted(accepted(), "logOutreach", connected);
  const won = reloaded(acted(acted(connectedOne, "advance", {}), "advance", { to: "opportunity" }));
  const open: Situation = {
    ...later(won, day),
    openOpportunity: { id: "op_1", ownerId: won.process.owner },
  };

  test("goes to the deputy, else to the manager with a task, and both systems are told", () => {
    const left = withPeople(open, { rp_one: { active: false } });
    const decision = decided({ ...left, suggested: "rp_two" }, change);
    expect(decision.after.process).toMatchObject({ stage: "opportunity", owner: "rp_lead" });
    expect(decision.after.tasks).toMatchObject([
      { kind: "stalled", assigneeId: "rp_lead", detail: { suggested: "rp_two" } },
    ]);
    expect(messagesOf(decision)).toMatchObject([
      { what: "offer", repId: "rp_lead", stage: "opportunity" },
    ]);
    expect(decision.changes).toContainEqual({ do: "sync-crm" });
    const named = withPeople(left, { rp_one: { deputyId: "rp_three" } });
    expect(decided(named, change).after.process.owner).toBe("rp_three");
  });

  test(
    "is shown to the manager when an absence entered ahead begins, with what its owner was " +
      "asked for",
    () => {
      const raised = {
        ...open,
        engagements: [
          ...open.engagements,
          { id: "en_2", type: "demo_request", occurredAt: open.now },
        ],
      };
      const knocked = decided(later(raised, minute), { kind: "engaged" }).after;
      expect(knocked.tasks).toMatchObject([{ kind: "hand-raise", assigneeId: "rp_one" }]);
      const ahead = ill(open, { from: open.now + day, to: open.now + 9 * day });
      const entered = decided(withPeople(knocked, { rp_one: ahead }), change).after;
      expect(entered.tasks).toMatchObject([{ kind: "hand-raise", assigneeId: "rp_one" }]);
      const begun = decided(later(entered, day), { kind: "time" }).after;
      expect(begun.tasks).toMatchObject([
        { kind: "hand-raise", assigneeId: "rp_lead" },
        { kind: "stalled", assigneeId: "rp_lead", detail: { repId: "rp_one" } },
      ]);
      const named = withPeople(entered, { rp_one: { ...ahead, deputyId: "rp_two" } });
      const passed = decided(later(named, day), { kind: "time" }).after;
      expect(passed.process.owner).toBe("rp_two");
      expect(passed.tasks).toMatchObject([{ kind: "hand-raise", assigneeId: "rp_two" }]);
      // A hand that is raised during the absence is put before who is there.
      const away = later({ ...begun, tasks: [], handRaisedAt: null }, minute);
      const again = { id: "en_3", type: "demo_request", occurredAt: away.now };
      const seen = decided({ ...away, engagements: [again] }, { kind: "engaged" }).after;
      expect(seen.tasks).toMatchObject([{ kind: "hand-raise", assigneeId: "rp_lead" }]);
    },
  );

  test("is given to a colleague by the manager who was asked, until it is won or lost", () => {
    const left = withPeople(open, { rp_one: { active: false } });
    const asked = later(decided(left, change).after, minute);
    expect(asked.tasks).toMatchObject([{ kind: "stalled", assigneeId: "rp_lead" }]);
    const given = decided(asked, action(asked, "reassign", { to: "rp_two" }, "rp_lead"));
    expect(given.after.process).toMatchObject({ stage: "opportunity", owner: "rp_two" });
    expect(given.after.tasks).toEqual([]);
    expect(messagesOf(given)).toMatchObject([
      { what: "reassigned-away", repId: "rp_lead" },
      { what: "offer", repId: "rp_two", stage: "opportunity" },
    ]);
    expect(given.changes).toContainEqual({ do: "sync-crm" });
    const refusedFor = (at: Situation, to?: string) =>
      refused(at, action(at, "reassign", to === undefined ? {} : { to }, "rp_lead")).code;
    expect(refusedFor(asked)).toBe("owner-missing");
    expect(refusedFor(asked, "rp_lead")).toBe("same-owner");
    expect(refusedFor(asked, "rp_one")).toBe("unknown-rep");
    const { openOpportunity: _, ...over } = asked;
    expect(refusedFor(over, "rp_two")).toBe("not-possible-now");
    // Received in the moment in which somebody opened it: that one came first.
    const won = { ...asked, answeredAt: asked.now };
    expect(refusedFor(won, "rp_two")).toBe("already-answered");
  });

  test("stays where it is once it is won or lost, and while its owner is there", () => {
    const { openOpportunity: _, ...over } = open;
    const left = withPeople(over, { rp_one: { active: false } });
    expect(decided(left, change).after.process.owner).toBe("rp_one");
    expect(decided(open, change).after.process.owner).toBe("rp_one");
  });
});

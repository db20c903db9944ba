import { describe, expect, test } from "vitest";
import { appliedCalendar, compileApplied } from "../../../handoff/time/applied-calendar.ts";
import { addBusinessDays } from "../../../handoff/time/calendar.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import { isRunning } from "../../../handoff/process/clocks.ts";
import type { Event } from "../../../handoff/process/event.ts";
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
  hour,
  minute,
  decided,
  demo,
  goodFacts,
  inNurture,
  inPool,
  later,
  messagesOf,
  offered,
  refused,
  situation,
  withPeople,
} from "../../support/situation.ts";

const { "account.name": _, ...withoutName } = goodFacts;
const won = () => acted(acted(accepted(), "advance", {}), "advance", {});
const retired = () => acted(inNurture(), "decideReview", { decision: "retire" });
const raised = (at: Situation, type = "demo_request"): Situation => ({
  ...later(at, 2),
  engagements: [...at.engagements, { id: "en_again", type, occurredAt: at.now + 1 }],
});
const everywhere: readonly (readonly [string, () => Situation])[] = [
  ["new", () => situation()],
  ["nurture", () => inNurture()],
  ["mql", () => offered()],
  ["contested", () => contested()],
  ["sal", () => accepted()],
  ["sql", () => acted(accepted(), "advance", {})],
  ["renurture", () => inPool()],
];

describe.each(everywhere)("in %s", (_name, build) => {
  const endings: readonly (readonly [string, (at: Situation) => Situation, Event])[] = [
    [
      "an opt-out",
      (at) => ({ ...at, facts: { ...at.facts, "lead.doNotContact": true } }),
      { kind: "facts" },
    ],
    ["a merge", (at) => ({ ...at, mergeInto: "ld_2" }), { kind: "merged" }],
    ["an erasure", (at) => ({ ...at, erased: true }), { kind: "erased" }],
  ];
  test.each(endings)("%s ends everything, and only who had it is told", (_what, change, event) => {
    const at = change(later(build(), 1));
    const decision = decided(at, event);
    const { process, tasks, offers, clocks } = decision.after;
    expect(process).toMatchObject({
      stage: "disqualified",
      owner: null,
      queue: null,
      nextAt: null,
    });
    expect([tasks, offers, clocks.filter(isRunning)]).toEqual([[], [], []]);
    expect(messagesOf(decision).map((message) => "repId" in message && message.repId)).toEqual(
      at.handoff?.repId ? [at.handoff.repId] : [],
    );
    expect(process.mergedInto).toBe(at.mergeInto);
    expect(decided(decision.after, event).changes.filter((one) => one.do === "move")).toEqual([]);
  });
});

describe("who is gone", () => {
  test("takes no action and is not reopened, and its tasks end with it", () => {
    const knocked = after(raised(won()), { kind: "engaged" });
    expect(knocked.tasks).toMatchObject([{ kind: "hand-raise" }]);
    const erased = after({ ...knocked, erased: true }, { kind: "erased" });
    expect(erased.tasks).toEqual([]);
    expect(refused(erased, { kind: "reopened", by: "rp_lead" }).code).toBe("not-possible-now");
    const at = { ...offered(), erased: true };
    expect(refused(at, action(at, "accept", {}, "rp_one")).code).toBe("not-possible-now");
  });
});

describe("a hand raised after the end", () => {
  test("is seen: by the owner of the opportunity, a manager, or the managers", () => {
    expect(after(raised(won()), { kind: "engaged" }).tasks).toMatchObject([
      { kind: "hand-raise", assigneeId: "rp_one" },
    ]);
    const left = withPeople(won(), { rp_one: { active: false } });
    expect(after(raised(left), { kind: "engaged" }).tasks).toMatchObject([
      { assigneeId: "rp_lead" },
    ]);
    expect(after(raised(retired()), { kind: "engaged" }).tasks).toMatchObject([
      { assigneeId: null, role: "manager" },
    ]);
  });
  test("is one task however often; a page view is none", () => {
    const once = after(raised(retired()), { kind: "engaged" });
    expect(after(raised(once), { kind: "engaged" }).tasks).toEqual(once.tasks);
    expect(after(raised(retired(), "blog_view"), { kind: "engaged" }).tasks).toEqual([]);
  });
  test("does not stay with somebody who left", () => {
    const knocked = after(raised(won()), { kind: "engaged" });
    const left = after(withPeople(knocked, { rp_one: { active: false } }), { kind: "roster" });
    expect(left.tasks).toMatchObject([{ assigneeId: "rp_lead" }]);
  });
  test("in the pool with its cycles used up is seen, too; with cycles left it comes back", () => {
    const pool = after(inPool(), { kind: "time" });
    expect(after(raised(pool), { kind: "engaged" }).process.stage).toBe("mql");
    const usedUp = { ...pool, process: { ...pool.process, cycle: 4 } };
    const seen = after(raised(usedUp), { kind: "engaged" });
    expect(seen.process.stage).toBe("renurture");
    expect(seen.tasks).toMatchObject([{ kind: "hand-raise" }]);
    expect(acted(seen, "decideReview", { decision: "return" }, "rp_chief")).toMatchObject({
      process: { stage: "mql" },
      tasks: [],
    });
  });
});

describe("a hand raised in the moment in which somebody closes it", () => {
  const closing = (at: Situation) =>
    after(at, action(at, "reject", { reason: "unsupported-use-case" }, "rp_one"));
  const at = later(offered(), hour);
  const withHand = (before: number) => ({
    ...at,
    engagements: [...at.engagements, demo(at.now - before, "en_again")],
  });

  test("is seen, for who closed it had not seen it; what was there before is known", () => {
    expect(closing(withHand(1_000)).tasks).toMatchObject([
      { kind: "hand-raise", role: "manager", detail: { signal: "demo_request" } },
    ]);
    expect(closing(withHand(5 * minute)).tasks).toEqual([]);
    expect(closing(at).tasks).toEqual([]);
    const early = offered();
    expect(closing(early).tasks).toEqual([]);
    const optedOut = { ...withHand(1_000), facts: { ...at.facts, "lead.doNotContact": true } };
    expect(closing(optedOut).tasks).toEqual([]);
  });

  test("counts when it is heard of after the end, once, and what the end knew of does not", () => {
    const closed = closing(at);
    const unknown = { ...closed, knownAtEnd: at.engagements.map(({ id }) => id) };
    const late = { ...unknown, engagements: [...at.engagements, demo(at.now - 20, "en_again")] };
    const seen = after(later(late, minute), { kind: "engaged" });
    expect(seen.tasks).toMatchObject([{ kind: "hand-raise" }]);
    const done = after(later({ ...seen, tasks: [] }, minute), { kind: "engaged" });
    expect(done.tasks).toEqual([]);
    const known = { ...late, knownAtEnd: late.engagements.map(({ id }) => id) };
    expect(after(later(known, minute), { kind: "engaged" }).tasks).toEqual([]);
    const yesterday = { ...unknown, engagements: [demo(at.now - day, "en_old")] };
    expect(after(later(yesterday, minute), { kind: "engaged" }).tasks).toEqual([]);
  });
});

describe("a closed person comes back by itself", () => {
  const ended = (how: "won" | "lost", days: number) => {
    const { opportunity: _opportunity, ...at } = won();
    const end = { how, at: at.now };
    const then = later({ ...at, opportunity: null, opportunityEnd: end }, days * day);
    return { ...then, engagements: [...at.engagements, demo(then.now - 1, "en_again")] };
  };
  test("after a loss, by the agreement's time, in a new cycle", () => {
    const at = ended("lost", 91);
    const back = after(at, { kind: "engaged" });
    expect(back.process).toMatchObject({ stage: "mql", cycle: at.process.cycle + 1 });
    expect(back.tasks).toEqual([]);
  });
  test("not before that, nor after it was won, nor when it was disqualified: a person sees it", () => {
    const disqualified = { ...retired(), now: retired().now + 400 * day };
    const again = demo(disqualified.now - 1, "en_again");
    for (const at of [
      ended("lost", 89),
      ended("won", 400),
      { ...disqualified, engagements: [...disqualified.engagements, again] },
    ]) {
      const seen = after(at, { kind: "engaged" });
      expect(seen.process.stage).toBe(at.process.stage);
      expect(seen.tasks).toMatchObject([{ kind: "hand-raise" }]);
      expect(seen.tasks[0]?.remindAt).toBeGreaterThan(seen.now);
    }
  });
  test("where the agreement says so for a reason of rejection, or for retirement", () => {
    const agreement = exampleAgreement([
      "won: never }",
      "won: never, retired: 30 days, unsupported-use-case: 60 days }",
    ]);
    const rejected = acted(offered(), "reject", { reason: "unsupported-use-case" });
    for (const [build, days] of [
      [retired(), 30],
      [rejected, 60],
    ] as const) {
      const raisedAfter = (ms: number) => {
        const at = { ...later(build, ms), agreement };
        return { ...at, engagements: [...at.engagements, demo(at.now - 1, "en_again")] };
      };
      expect(after(raisedAfter(days * day - 1), { kind: "engaged" }).process.stage).toBe(
        "disqualified",
      );
      expect(after(raisedAfter(days * day), { kind: "engaged" }).process.stage).toBe("mql");
    }
  });
  test("lacking facts it has a data task; without a lead type a person sees it", () => {
    const at = ended("lost", 91);
    expect(after({ ...at, facts: withoutName }, { kind: "engaged" })).toMatchObject({
      process: { stage: "new", waitingOn: "data" },
      tasks: [{ kind: "fix-data" }],
    });
    const small = { ...at.facts, "account.employees": 3 };
    expect(after({ ...at, facts: small }, { kind: "engaged" }).process.stage).toBe("opportunity");
  });
  test("an opt-out keeps it closed", () => {
    const at = ended("lost", 91);
    const optedOut = { ...at, facts: { ...at.facts, "lead.doNotContact": true } };
    expect(after(optedOut, { kind: "engaged" }).process.stage).toBe("opportunity");
  });
  test("a task that was ended is not opened again by what it was about", () => {
    const seen = after(raised(retired()), { kind: "engaged" });
    const done = { ...later(seen, 1), tasks: [] };
    expect(after(done, { kind: "engaged" }).tasks).toEqual([]);
    const again = later(done, 2);
    const engagements = [...done.engagements, demo(again.now - 1, "en_third")];
    expect(after({ ...again, engagements }, { kind: "engaged" }).tasks).toMatchObject([
      { kind: "hand-raise" },
    ]);
  });
  test("the task about it is asked for by whoever looks, though no process has a timer", () => {
    const seen = after(raised(retired()), { kind: "engaged" });
    const decision = decided(later(seen, 10 * day), { kind: "time" });
    expect(messagesOf(decision)).toMatchObject([{ what: "task-waits", task: "hand-raise" }]);
    expect(decision.after.process).toMatchObject({ stage: "disqualified", nextAt: null });
  });
});

describe("an own opportunity that is open", () => {
  const openOpportunity = { id: "op_1", ownerId: "rp_two" };
  test("its owner has the task and the CRM a note; no second handoff begins", () => {
    const pool = after(inPool(), { kind: "time" });
    for (const [at, event, stage] of [
      [situation(), { kind: "arrived" }, "nurture"],
      [raised(inNurture()), { kind: "engaged" }, "nurture"],
      [raised(pool), { kind: "engaged" }, "renurture"],
      [raised(won()), { kind: "engaged" }, "opportunity"],
    ] as const) {
      const decision = decided({ ...at, openOpportunity }, event);
      expect(decision.after.process.stage).toBe(stage);
      expect(decision.after.tasks).toMatchObject([
        { kind: "hand-raise", assigneeId: "rp_two", detail: { opportunity: "op_1" } },
      ]);
      expect(decision.changes).toContainEqual({ do: "sync-crm" });
    }
  });
  test("of an owner who left is their manager's", () => {
    const at = withPeople(raised(inNurture()), { rp_two: { active: false } });
    expect(after({ ...at, openOpportunity }, { kind: "engaged" }).tasks).toMatchObject([
      { assigneeId: "rp_lead" },
    ]);
  });
  test("a review returns nobody who has one; a person who reopens may", () => {
    const at = { ...after(inPool(), { kind: "time" }), openOpportunity };
    expect(refused(at, action(at, "decideReview", { decision: "return" }, "rp_chief")).code).toBe(
      "opportunity-open",
    );
    const again = { ...raised(won()), openOpportunity };
    expect(after(again, { kind: "reopened", by: "rp_lead" }).process.stage).toBe("mql");
  });
});

describe("reopening", () => {
  test("begins a new cycle, whatever closed it, and judges at once", () => {
    for (const at of [retired(), won()]) {
      const knocked = { ...raised(at), now: at.now + day };
      const again = after(knocked, { kind: "reopened", by: "rp_lead" });
      expect(again.process).toMatchObject({
        stage: "mql",
        cycle: at.process.cycle + 1,
        closedReason: null,
      });
    }
  });
  test("of who is open, or would be suppressed at once, is refused", () => {
    expect(refused(accepted(), { kind: "reopened", by: "rp_lead" }).code).toBe("not-possible-now");
    const optedOut = { ...retired(), facts: { ...goodFacts, "lead.doNotContact": true } };
    expect(refused(optedOut, { kind: "reopened", by: "rp_lead" }).code).toBe("suppressed");
  });
});

describe("gates are asked before every handoff", () => {
  const incomplete = (at: Situation): Situation => ({ ...at, facts: withoutName });
  test("in new, nurture and the pool; who fails them has a data task, ended by the facts", () => {
    const pool = after(inPool(), { kind: "time" });
    for (const [at, event] of [
      [incomplete(situation()), { kind: "arrived" }],
      [incomplete(inNurture()), { kind: "policy" }],
      [incomplete(raised(pool)), { kind: "engaged" }],
    ] as const) {
      const waits = after(at, event);
      expect(waits.process).toMatchObject({ waitingOn: "data", queue: "marketing-ops" });
      expect(waits.tasks).toMatchObject([{ kind: "fix-data" }]);
      const mended = after({ ...waits, facts: goodFacts }, { kind: "facts" });
      expect(mended.tasks).toEqual([]);
      expect(mended.process.waitingOn).not.toBe("data");
    }
  });
  test("a review returns nobody whose facts are missing", () => {
    const at = incomplete(after(inPool(), { kind: "time" }));
    expect(refused(at, action(at, "decideReview", { decision: "return" }, "rp_chief")).code).toBe(
      "data-missing",
    );
  });
  test("keeping one in nurture does not hide that facts are missing", () => {
    const at = after(incomplete(inNurture()), { kind: "facts" });
    const kept = acted(at, "decideReview", { decision: "keep" }, "rp_chief");
    expect(kept.process.waitingOn).toBe("data");
    expect(kept.process.reviewAt).toBeGreaterThan(at.process.reviewAt ?? 0);
  });
});

describe("nurture", () => {
  test("ends in a person's review, told once, however often it is looked at", () => {
    const due = later(inNurture(), 61 * day);
    const decision = decided(due, { kind: "time" });
    expect(messagesOf(decision)).toMatchObject([{ what: "nurture-review", role: "marketing-ops" }]);
    const lost = after({ ...decision.after, facts: withoutName }, { kind: "facts" });
    const found = decided({ ...lost, facts: goodFacts }, { kind: "facts" });
    expect(found.after.process.waitingOn).toBe("review");
    expect(messagesOf(found)).toEqual([]);
  });
  test("a window of business days is counted in business days, also after it was kept", () => {
    const agreement = exampleAgreement([
      "humanReviewAfter: 60 days",
      "humanReviewAfter: 5 business days",
    ]);
    // Monday 10:00 in New York; Thanksgiving and the half day after it lie between.
    const at = after(situation({ agreement, engagements: [] }), { kind: "arrived" });
    expect(at.process.stage).toBe("nurture");
    const { reviewAt } = at.process;
    const hours = compileApplied(appliedCalendar(agreement, null, null), at.now);
    expect(reviewAt).toBe(addBusinessDays(hours, at.now, 5));
    const due = after(at, { kind: "time" }, reviewAt ?? 0);
    const kept = acted(due, "decideReview", { decision: "keep" }, "rp_chief");
    expect(kept.process.reviewAt).toBe(addBusinessDays(hours, kept.now, 5));
  });
  test("is left by a signal, or by retirement; nobody is returned from it", () => {
    expect(after(raised(inNurture()), { kind: "engaged" }).process.stage).toBe("mql");
    expect(retired().process).toMatchObject({
      stage: "disqualified",
      closedReason: "retired in review",
    });
    const at = inNurture();
    expect(
      refused(at, action(at, "decideReview", { decision: "return" }, "rp_chief")),
    ).toMatchObject({ field: "decision" });
  });
});

test("a clock older than the years that hours are compiled for is read all the same", () => {
  const asked = afterAll(situation(), { kind: "arrived" });
  const old = later(after(asked, assigned("rp_one")), 1_200 * day);
  expect(after(old, { kind: "time" }).process.stage).toBe("mql");
  const worked = later({ ...accepted(), engagements: [demo()] }, 1_200 * day);
  expect(after(worked, { kind: "time" }).process.stage).toBe("sal");
});

import { describe, expect, test } from "vitest";
import { isRunning } from "../../../handoff/process/clocks.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
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
  goodFacts,
  hour,
  later,
  messagesOf,
  minute,
  monday,
  offered,
  refused,
  situation,
} from "../../support/situation.ts";

const running = (at: ReturnType<typeof offered>) =>
  at.clocks.filter((clock) => isRunning(clock) && clock.scope === "rep").map(({ kind }) => kind);

describe("an offer", () => {
  test("is told to its rep with the deadline of the clock, and both clocks run", () => {
    const before = afterAll(situation(), { kind: "arrived" });
    const decision = decided(before, assigned("rp_one"));
    expect(messagesOf(decision)).toEqual([
      {
        what: "offer",
        repId: "rp_one",
        stage: "mql",
        clock: "outreach",
        dueAt: decision.after.process.dueAt,
        again: false,
      },
    ]);
    expect(decision.after.process.dueAt).toBe(before.now + hour);
    expect(running(decision.after)).toEqual(["outreach", "status"]);
  });
  test("follows an earlier one only when somebody had it before", () => {
    const moved = acted(offered(), "reassign", { to: "rp_two" }, "rp_lead");
    expect(messagesOf(decided(moved, assigned("rp_two", 2)))).toMatchObject([{ again: true }]);
    const queued = afterAll(
      situation(),
      { kind: "arrived" },
      {
        kind: "routed",
        round: 1,
        routed: { kind: "queue", queue: "sales-ops" },
        territory: null,
        segment: null,
      },
    );
    const taken = acted(queued, "reassign", { to: "rp_two" }, "rp_lead");
    expect(messagesOf(decided(taken, assigned("rp_two", 2)))).toMatchObject([{ again: false }]);
  });
});

describe("outreach", () => {
  test("stops the outreach clock at its receipt, and the answer is asked for", () => {
    const at = later(offered(), 10 * minute);
    const log = action(at, "logOutreach", { channel: "call" }, "rp_one");
    const { after: left, answer } = decided(at, log);
    expect(answer).toMatchObject({ done: true, waitingOn: "answer", onTime: true });
    expect(running(left)).toEqual(["status"]);
    expect(left.handoff).toMatchObject({ attempts: 1, firstOutreachAt: at.now });
  });
  test("received in time counts as in time, however late it is decided", () => {
    const at = later(offered(), 61 * minute);
    const late = action(at, "logOutreach", { channel: "call" }, "rp_one", {
      receivedAt: at.now - 2 * minute,
    });
    expect(decided(at, late).answer).toMatchObject({ onTime: true });
    const missed = action(at, "logOutreach", { channel: "call" }, "rp_one");
    expect(decided(at, missed).answer).toMatchObject({ onTime: false });
  });
  test("dated before the handoff stops no clock, whatever way it came", () => {
    const at = later(offered(), minute);
    for (const via of ["api", "crm"] as const) {
      const occurredAt = new Date(monday - day).toISOString();
      expect(
        refused(at, action(at, "logOutreach", { channel: "call", occurredAt }, "rp_one", { via })),
      ).toMatchObject({ code: "invalid", field: "occurredAt" });
    }
  });
  test("dated ahead is refused, and from the CRM counts as of its receipt", () => {
    const at = later(offered(), minute);
    const body = { channel: "call" as const, occurredAt: new Date(at.now + hour).toISOString() };
    expect(refused(at, action(at, "logOutreach", body, "rp_one"))).toMatchObject({
      field: "occurredAt",
    });
    const { after: left } = decided(at, action(at, "logOutreach", body, "rp_one", { via: "crm" }));
    expect(left.handoff?.firstOutreachAt).toBe(at.now);
  });
});

describe("acceptance", () => {
  test("makes it SAL, stops the status clock, and the outreach clock goes on", () => {
    const at = accepted();
    expect(at.process).toMatchObject({ stage: "sal", waitingOn: "attempts", owner: "rp_one" });
    expect(running(at)).toEqual(["outreach"]);
  });
  test("ends a pause: the outreach clock runs on", () => {
    const paused = acted(offered(), "pause", { reason: "legal-review" });
    const at = acted(paused, "accept", {});
    expect(at.handoff?.pausedUntil).toBeNull();
    expect(at.process.dueAt).not.toBeNull();
  });
  test("of two answers received before either was decided, the first wins", () => {
    const at = offered();
    const then = later(at, minute);
    const won = after(then, action(then, "accept", {}, "rp_one"));
    const lost = later(won, 1);
    const body = { reason: "wrong-role" };
    const reject = action(lost, "reject", body, "rp_one", { receivedAt: then.now });
    expect(refused(lost, reject)).toMatchObject({ code: "already-answered" });
    // Rejecting what one has seen accepted is possible.
    const seen = { stage: "sal" as const, round: 1 };
    const knowing = action(lost, "reject", body, "rp_one", { seen, receivedAt: then.now });
    expect(decided(lost, knowing).after.process.stage).toBe("renurture");
  });
  test("for an earlier offer, by somebody else, or for another stage is refused", () => {
    const at = later(acted(offered(), "reassign", {}, "rp_lead"), minute);
    const moved = later(after(at, assigned("rp_two", 2)), minute);
    const earlier = { stage: "mql" as const, round: 1 };
    expect(refused(moved, action(moved, "accept", {}, "rp_two", { seen: earlier })).code).toBe(
      "already-answered",
    );
    expect(
      refused(moved, action(moved, "accept", {}, "rp_two", { receivedAt: at.now - 1 })).code,
    ).toBe("already-answered");
    expect(refused(moved, action(moved, "accept", {}, "rp_one")).code).toBe("not-yours");
    expect(refused(moved, action(moved, "advance", {}, "rp_two")).code).toBe("not-possible-now");
    expect(decided(moved, action(moved, "accept", {}, "rp_two")).after.process.stage).toBe("sal");
  });
  test("with a rating outside the agreed scale is refused by name", () => {
    const at = offered();
    expect(refused(at, action(at, "accept", { fitRating: 9 }, "rp_one"))).toMatchObject({
      code: "invalid",
      field: "fitRating",
    });
  });
});

describe("rejection", () => {
  test("with a returning reason goes to the pool with its date, and the next cycle begins", () => {
    const at = acted(offered(), "reject", { reason: "dated-timing", revisitOn: "2027-02-01" });
    expect(at.process).toMatchObject({
      stage: "renurture",
      revisitOn: "2027-02-01",
      cycle: 2,
      owner: null,
      queue: "renurture",
      handoffId: null,
    });
    expect(at.offers).toEqual([]);
  });
  test("that disqualifies is not told to who gave it as a withdrawal", () => {
    const at = later(offered(), minute);
    const reject = action(at, "reject", { reason: "unsupported-use-case" }, "rp_one");
    const decision = decided(at, reject);
    expect(decision.after.process.stage).toBe("disqualified");
    expect(messagesOf(decision)).toEqual([]);
    expect(decision.changes).toContainEqual({ do: "reverse-credit", round: 1 });
  });
  test("not agreed, without its date, or too early is refused by field", () => {
    const at = later(offered(), minute);
    const cases = [
      [{ reason: "not ready" }, "not-a-reason"],
      [{ reason: "dated-timing" }, "date-missing"],
      [{ reason: "unreachable" }, "attempts-missing"],
      [{ reason: "dated-timing", revisitOn: "2020-01-01" }, "date-past"],
    ] as const;
    for (const [body, code] of cases) {
      expect(refused(at, action(at, "reject", body, "rp_one")).code).toBe(code);
    }
    const often = { ...at, rejectionsToday: 20 };
    expect(refused(often, action(often, "reject", { reason: "wrong-role" }, "rp_one")).code).toBe(
      "too-many-today",
    );
  });
  test("for bad data waits for a person, and only the fact that was named ends it", () => {
    const at = acted(offered(), "reject", { reason: "bad-contact-data", field: "lead.phone" });
    expect(at.process).toMatchObject({ stage: "new", waitingOn: "data", queue: "marketing-ops" });
    expect(at.tasks).toMatchObject([
      {
        kind: "fix-data",
        detail: { reason: "bad-contact-data", field: "lead.phone" },
      },
    ]);
    const still = afterAll(
      at,
      { kind: "engaged" },
      { kind: "policy" },
      { kind: "time" },
      { kind: "facts", fields: ["account.employees"] },
    );
    expect(still.process.waitingOn).toBe("data");
    expect(afterAll(still, { kind: "facts", fields: ["lead.phone"] }).process.stage).toBe("mql");
    // A person who ends the task has decided, too.
    expect(afterAll({ ...still, tasks: [] }, { kind: "facts" }).process.stage).toBe("mql");
  });
  test("for bad data after acceptance goes to the pool, with a task for its data", () => {
    const at = acted(accepted(), "reject", { reason: "bad-contact-data" });
    expect(at.process.stage).toBe("renurture");
    // The handoff leads to the note that the rep wrote.
    expect(at.tasks).toMatchObject([{ kind: "fix-data", handoffId: at.handoff?.id ?? "ho_1_1" }]);
    const raisedHand = [...at.engagements, { ...demo(at.now + 1), id: "en_again" }];
    const waits = after({ ...later(at, minute), engagements: raisedHand }, { kind: "engaged" });
    expect(waits.process).toMatchObject({ stage: "renurture", waitingOn: "data" });
    expect(refused(at, action(at, "decideReview", { decision: "return" }, "rp_chief")).code).toBe(
      "data-missing",
    );
    const mended = after(waits, { kind: "facts", fields: ["lead.email"] });
    expect(mended.process.stage).toBe("mql");
  });
  test("for bad data, corrected while other facts are missing, waits for those", () => {
    const at = acted(accepted(), "reject", { reason: "bad-contact-data", field: "lead.phone" });
    const { "account.name": _, ...lacking } = goodFacts;
    const corrected = { kind: "facts", fields: ["lead.phone"] } as const;
    const waits = after({ ...at, facts: lacking }, corrected);
    expect(waits.tasks).toMatchObject([{ detail: { missing: [{ field: "account.name" }] } }]);
    const whole = after(
      { ...waits, facts: goodFacts },
      { kind: "facts", fields: ["account.name"] },
    );
    expect(whole.tasks).toEqual([]);
  });
  test("for bad data, contested and upheld, keeps the field that was named", () => {
    const agreement = exampleAgreement([
      "bad-contact-data:     { group: data, then: fix-data }",
      "bad-contact-data: { group: data, then: fix-data, contradictedBy: { lead.email: { " +
        "exists: true } } }",
    ]);
    const body = { reason: "bad-contact-data", field: "lead.phone" };
    const at = acted(offered({ agreement }), "reject", body);
    expect(at.process.waitingOn).toBe("manager");
    const upheld = acted(at, "decideContest", { decision: "uphold" }, "rp_lead");
    expect(upheld.tasks).toMatchObject([{ kind: "fix-data", detail: { field: "lead.phone" } }]);
  });
});

describe("a contested rejection", () => {
  test("waits for the manager, who is told what for and until when", () => {
    const at = later(offered(), minute);
    const decision = decided(at, action(at, "reject", { reason: "below-company-size" }, "rp_one"));
    const { process, tasks } = decision.after;
    expect(process).toMatchObject({ waitingOn: "manager", owner: "rp_lead" });
    expect(tasks).toMatchObject([
      { kind: "contested", assigneeId: "rp_lead", dueAt: process.dueAt },
    ]);
    expect(messagesOf(decision)).toMatchObject([
      { what: "contested", managerId: "rp_lead", dueAt: process.dueAt },
    ]);
    expect(running(decision.after)).toEqual([]);
  });
  test("is not contested where the fact is missing", () => {
    const { "account.employees": _, ...unknown } = goodFacts;
    const at = later({ ...offered(), facts: unknown }, minute);
    const reject = action(at, "reject", { reason: "below-company-size" }, "rp_one");
    expect(decided(at, reject).after.process.stage).toBe("disqualified");
  });
  test("upheld stands, and who rejected hears it once", () => {
    const at = later(contested(), minute);
    const decision = decided(at, action(at, "decideContest", { decision: "uphold" }, "rp_lead"));
    expect(decision.after.process.stage).toBe("disqualified");
    expect(messagesOf(decision).map(({ what }) => what)).toEqual(["contest-decided"]);
  });
  test("overturned goes to another rep, and the message does not give it back to the first", () => {
    const at = later(contested(), minute);
    const decision = decided(at, action(at, "decideContest", { decision: "overturn" }, "rp_lead"));
    expect(decision.after.process).toMatchObject({
      stage: "mql",
      waitingOn: "assessment",
      queue: "routing",
    });
    expect(decision.after.handoff?.repId).toBeNull();
    expect(messagesOf(decision)).toEqual([
      {
        what: "contest-decided",
        repId: "rp_one",
        decision: "overturned",
        reason: "below-company-size",
      },
    ]);
  });
  test("is decided by no rep, and not twice", () => {
    const at = later(contested(), minute);
    expect(refused(at, action(at, "decideContest", { decision: "uphold" }, "rp_two")).code).toBe(
      "not-yours",
    );
    const done = acted(at, "decideContest", { decision: "overturn" }, "rp_lead");
    expect(
      refused(done, action(done, "decideContest", { decision: "uphold" }, "rp_lead")).code,
    ).toBe("not-possible-now");
  });
});

describe("handing back, advancing", () => {
  test("handed back with a day that is past is refused; with one ahead it comes back then", () => {
    const at = later(accepted(), minute);
    expect(
      refused(at, action(at, "handBack", { revisitOn: "2026-01-01" }, "rp_one")),
    ).toMatchObject({ field: "revisitOn" });
    const back = acted(at, "handBack", { revisitOn: "2027-02-01" });
    const inFebruary = Date.parse("2027-02-01T12:00:00Z");
    const due = after(after(back, { kind: "time" }), { kind: "time" }, inFebruary);
    expect(due.process).toMatchObject({ stage: "mql", waitingOn: "assessment", cycle: 2 });
  });
  test("an opportunity comes after SQL, in order, and ends the process with its owner", () => {
    const at = later(accepted(), minute);
    expect(refused(at, action(at, "advance", { to: "opportunity" }, "rp_one"))).toMatchObject({
      field: "to",
    });
    const won = acted(acted(at, "advance", {}), "advance", { amountMinor: 100, currency: "EUR" });
    expect(won.process).toMatchObject({ stage: "opportunity", owner: "rp_one", nextAt: null });
  });
  test("an opportunity of the CRM counts after acceptance, and is found again by it", () => {
    const opportunity = { id: "op_1", createdAt: monday };
    const early = after({ ...offered(), opportunity }, { kind: "seenInCrm" });
    expect(early.process.stage).toBe("mql");
    const taken = acted(early, "accept", {});
    expect(taken.process.stage).toBe("opportunity");
    expect(after({ ...accepted(), opportunity }, { kind: "seenInCrm" }).process.stage).toBe(
      "opportunity",
    );
    expect(after({ ...accepted() }, { kind: "seenInCrm" }).process.stage).toBe("sal");
    // Nobody told the process: whoever looks at the time sees it.
    expect(after({ ...accepted(), opportunity }, { kind: "time" }).process.stage).toBe(
      "opportunity",
    );
    expect(after({ ...offered(), opportunity }, { kind: "time" }).process.stage).toBe("mql");
  });
});

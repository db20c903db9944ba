import { describe, expect, test } from "vitest";
import { decide, refusalMessage, type Decision } from "../../handoff/process/decide.ts";
import type { Message } from "../../handoff/process/message.ts";
import type { Situation } from "../../handoff/process/situation.ts";
import { viewOf } from "../../handoff/clocks/escalation.ts";
import { clocksInput } from "../../handoff/process/clocks.ts";
import { compose } from "../../messages/compose.ts";
import { when } from "../../messages/when.ts";
import { mailsToReaders, type MailToReader } from "../../handoff/process/mail-of-reader.ts";
import { alsoOf, mailEffect, mailKinds, messageOf } from "../../store/effects/mail-message.ts";
import {
  acted,
  action,
  arrivedLead,
  at,
  decided,
  routedTo,
  sentBy,
  time,
} from "../support/decided.ts";
import { names } from "../support/mail-names.ts";

// Each text is composed from a message that a real decision sent, and held against the situation
// that the decision left.

type Kind = Message["what"];
type Sent<K extends Kind> = Extract<Message, { readonly what: K }>;

/** A decision that sends the message, and what must be so after it. */
interface Case<K extends Kind> {
  readonly when: string;
  readonly given: () => Pick<Decision, "after"> & { readonly messages: readonly Message[] };
  readonly holds: (told: {
    text: string;
    subject: string;
    message: Sent<K>;
    after: Situation;
  }) => void;
}

const from = (decision: Decision) => ({ after: decision.after, messages: sentBy(decision) });
const fresh = (situation = arrivedLead()) => decided(situation, { kind: "arrived" }).after;
const withAnn = (situation = arrivedLead()) => routedTo(fresh(situation), "rp_ann").after;
const accepted = () => acted(at(withAnn(), "14:10"), "accept", {}).after;
const called = (situation: Situation) =>
  acted(situation, "logOutreach", {
    channel: "call",
    outcome: "connected",
  }).after;
const contested = () => acted(at(withAnn(), "14:20"), "reject", { reason: "no-intent-signals" });
const byMia = { by: "rp_mia", role: "manager" };
const left = (situation: Situation, ...ids: string[]): Situation => ({
  ...situation,
  people: {
    ...situation.people,
    ...Object.fromEntries(
      ids.flatMap((id) => {
        const person = situation.people[id];
        return person ? [[id, { ...person, active: false }]] : [];
      }),
    ),
  },
});
const usedUp = (situation: Situation): Situation => ({
  ...situation,
  handoff: situation.handoff && { ...situation.handoff, reassignments: 2 },
});
const local = (instant: number | null) => when(instant ?? Number.NaN, "America/New_York");
const utc = (text: string) => local(Date.parse(`2026-11-23T${text}Z`));

/** When the clock of this kind that a rep has, or had last, is due. */
function due(after: Situation, kind: "outreach" | "status"): string {
  const clock = after.clocks.findLast((one) => one.kind === kind && one.scope === "rep");
  if (!clock) throw new Error(`no ${kind} clock`);
  return local(viewOf(after.agreement, clocksInput(after), clock).dueAt);
}

function running(after: Situation, scope: "rep" | "lead"): number {
  return after.clocks.filter(
    (clock) =>
      clock.scope === scope &&
      clock.events.every(({ kind }) => kind !== "stop" && kind !== "cancel"),
  ).length;
}

const cases: { readonly [K in Kind]: readonly Case<K>[] } = {
  offer: [
    {
      when: "routing put it before a rep",
      given: () => from(routedTo(fresh(), "rp_ann")),
      holds({ text, subject, after }) {
        expect(after.process).toMatchObject({
          stage: "mql",
          owner: "rp_ann",
          waitingOn: "outreach",
        });
        expect(subject).toBe(
          `New lead: Ada Lovelace (Analytical Engines), outreach due ${due(after, "outreach")}`,
        );
        expect(text).toContain(`is yours. Outreach due ${due(after, "outreach")}.`);
        expect(text).toContain("accept the lead, or reject it");
      },
    },
    {
      when: "somebody else had it before",
      given: () =>
        from(routedTo(at(decided(at(withAnn(), "15:30:02"), time).after, "15:31"), "rp_bob")),
      holds({ text, subject, after }) {
        expect(after.process.owner).toBe("rp_bob");
        expect(subject).not.toContain("New lead");
        expect(subject).toContain(`outreach due ${due(after, "outreach")}`);
        expect(text).toMatch(/Offered before: +yes/);
      },
    },
    {
      when: "it waited in a queue, and no person had it before",
      given: () =>
        from(
          routedTo(
            acted(at(routedTo(fresh(), null).after, "14:20"), "reassign", { to: "rp_bob" }, byMia)
              .after,
            "rp_bob",
          ),
        ),
      holds({ text, subject, after }) {
        expect(after.process.owner).toBe("rp_bob");
        expect(subject).toContain("New lead");
        expect(text).not.toContain("Offered before");
      },
    },
    {
      when: "a manager hands over what was accepted and called: the new owner's outreach starts anew",
      given: () =>
        from(
          acted(at(called(at(accepted(), "14:20")), "15:00"), "reassign", { to: "rp_bob" }, byMia),
        ),
      holds({ text, subject, after }) {
        expect(after.process).toMatchObject({ stage: "sal", owner: "rp_bob" });
        expect(due(after, "outreach")).toBe(utc("16:00"));
        expect(running(after, "rep")).toBe(1);
        expect(subject).toContain("Ada Lovelace (Analytical Engines)");
        expect(text).toContain("SAL (accepted by sales)");
        expect(text).not.toMatch(/accept the lead|New lead/i);
      },
    },
    {
      when: "a manager hands over what was accepted and not called: outreach starts anew",
      given: () => from(acted(at(accepted(), "14:30"), "reassign", { to: "rp_bob" }, byMia)),
      holds({ text, subject, after }) {
        expect(due(after, "outreach")).toBe(utc("15:30"));
        expect(subject).toContain(`outreach due ${utc("15:30")}`);
        expect(text).not.toContain(utc("15:00"));
        expect(after.process.dueAt).toBe(Date.parse("2026-11-23T15:30:00Z"));
      },
    },
  ],
  warning: [
    {
      when: "half of the outreach time is used up",
      given: () => from(decided(at(withAnn(), "14:30"), time)),
      holds({ text, after }) {
        expect(after.process.owner).toBe("rp_ann");
        expect(text).toContain(
          "50% of the time for outreach to Ada Lovelace (Analytical Engines) is used up.",
        );
        expect(text).toContain(`It is due by ${due(after, "outreach")}.`);
      },
    },
    {
      when: "half of the time for an answer is used up, while outreach is overdue",
      given: () => {
        const agreement = arrivedLead().agreement;
        const quiet = { ...agreement, clocks: { ...agreement.clocks, escalate: [] } };
        const overdue = decided(at(withAnn(arrivedLead(quiet)), "15:00:02"), time).after;
        return from(decided(at(overdue, "18:30"), time));
      },
      holds({ text, message, after }) {
        expect(message.clock).toBe("status");
        expect(text).toContain(`It is due by ${due(after, "status")}.`);
        expect(text).not.toContain(due(after, "outreach"));
        expect(text).toContain("of the time for accepting or rejecting Ada Lovelace");
        expect(text).toContain("Accept the lead, or reject it");
      },
    },
  ],
  breach: [
    {
      when: "the next rung takes it back",
      given: () => from(decided(at(withAnn(), "15:00:02"), time)),
      holds({ text, after }) {
        expect(after.process.owner).toBe("rp_ann");
        expect(text).toContain(`passed on ${due(after, "outreach")}, while Ann had it.`);
        expect(text).toContain(
          `If nothing happens by ${utc("15:30")}, Baton takes it back from Ann and routes it ` +
            "to somebody else.",
        );
        const then = decided(at(after, "15:30:02"), time).after;
        expect(then.process).toMatchObject({ owner: null, queue: "routing" });
      },
    },
    {
      when: "the next rung gives it to the manager, for nobody may be asked any more",
      given: () => from(decided(at(usedUp(withAnn()), "15:00:02"), time)),
      holds({ text, after }) {
        expect(text).toContain(
          `If nothing happens by ${utc("15:30")}, Baton takes it back from Ann and it waits ` +
            "for a manager",
        );
        expect(decided(at(after, "15:30:02"), time).after.process).toMatchObject({
          owner: "rp_mia",
          waitingOn: "manager",
        });
      },
    },
    {
      when: "the look came late and took it back at once",
      given: () => from(decided(at(withAnn(), "16:00"), time)),
      holds({ text, after }) {
        expect(after.process).toMatchObject({ owner: null, queue: "routing" });
        expect(text).toContain("Baton has taken it back from Ann and routes it to somebody else.");
        expect(text).not.toContain("If nothing happens");
        expect(text).not.toContain("reassign");
      },
    },
    {
      when: "it is accepted: it stays with its rep",
      given: () => from(decided(at(accepted(), "15:00:02"), time)),
      holds({ text, after }) {
        expect(text).toContain("the manager gets a task; it stays where it is.");
        const then = decided(at(after, "15:30:02"), time).after;
        expect(then.process.owner).toBe("rp_ann");
        expect(then.tasks.map(({ kind }) => kind)).toContain("escalated");
      },
    },
    {
      when: "the ladder holds nothing",
      given: () => {
        const agreement = arrivedLead().agreement;
        const quiet = { ...agreement, clocks: { ...agreement.clocks, escalate: [] } };
        return from(decided(at(withAnn(arrivedLead(quiet)), "15:00:02"), time));
      },
      holds({ text, after }) {
        expect(after.process.owner).toBe("rp_ann");
        expect(text).toContain("Baton does nothing more about it by itself.");
      },
    },
  ],
  escalation: [
    {
      when: "the first rung only shows it",
      given: () => from(decided(at(withAnn(), "15:00:02"), time)),
      holds({ text, subject, after }) {
        expect(after.process).toMatchObject({ owner: "rp_ann", waitingOn: "outreach" });
        expect(subject).toBe("For your attention: Ada Lovelace (Analytical Engines), Ann");
        expect(text).toContain("the outreach deadline was missed");
        expect(text).toContain(
          `If nothing happens by ${utc("15:30")}, Baton takes it back from Ann`,
        );
        expect(text).not.toMatch(/ladder|used up|waits for/);
      },
    },
    {
      when: "the ladder is used up",
      given: () =>
        from(decided(at(usedUp(decided(at(withAnn(), "15:00:02"), time).after), "15:30:02"), time)),
      holds({ text, subject, message, after }) {
        expect(after.process).toMatchObject({ owner: "rp_mia", waitingOn: "manager" });
        expect(message.waits).toBe(true);
        expect(subject).toBe("Needs you: Ada Lovelace (Analytical Engines)");
        expect(text).toContain("the escalation ladder is exhausted");
        expect(text).toContain(utc("15:00"));
      },
    },
    {
      when: "an accepted lead is late: it stays with its rep",
      given: () =>
        from(decided(at(decided(at(accepted(), "15:00:02"), time).after, "15:30:02"), time)),
      holds({ text, after }) {
        expect(after.process).toMatchObject({ stage: "sal", owner: "rp_ann" });
        expect(text).toContain("It is with Ann. It stays there unless somebody acts.");
        expect(text).not.toContain("waits for a manager");
      },
    },
    {
      when: "the owner of an accepted lead has left",
      given: () => from(decided(left(at(accepted(), "14:30"), "rp_ann"), { kind: "roster" })),
      holds({ text, after }) {
        expect(after.process.owner).toBe("rp_mia");
        expect(text).toContain("waits for a manager to assign it: the owner has left.");
        expect(text).not.toMatch(/stays|was due|missed/i);
      },
    },
    {
      when: "the owner of an accepted lead has left, and there is no manager",
      given: () =>
        from(decided(left(at(accepted(), "14:30"), "rp_ann", "rp_mia"), { kind: "roster" })),
      holds({ text, after }) {
        expect(after.process).toMatchObject({ owner: null, queue: "manager" });
        expect(text).toContain("waits for a manager to assign it");
      },
    },
  ],
  "reassigned-away": [
    {
      when: "a missed deadline took it",
      given: () => from(decided(at(withAnn(), "15:30:02"), time)),
      holds({ text, after }) {
        expect(after.handoff?.repId).toBeNull();
        expect(text).toContain("is no longer yours");
        expect(text).toContain("outreach SLA missed");
        expect(text).not.toContain("Telephone");
      },
    },
    {
      when: "a manager gave it to a colleague",
      given: () => from(acted(at(accepted(), "14:30"), "reassign", { to: "rp_bob" }, byMia)),
      holds({ text, message, after }) {
        expect(message.repId).toBe("rp_ann");
        expect(after.process.owner).toBe("rp_bob");
        expect(text).toContain("reassigned by a manager");
      },
    },
  ],
  withdrawn: [
    {
      when: "the person may not be contacted",
      given: () => {
        const now = at(withAnn(), "14:20");
        return from(
          decided(
            { ...now, facts: { ...now.facts, "lead.doNotContact": true } },
            { kind: "facts" },
          ),
        );
      },
      holds({ text, after }) {
        expect(after.process.stage).toBe("disqualified");
        expect(running(after, "rep")).toBe(0);
        expect(text).toContain("do not contact them any more");
        expect(text).toContain("suppressed: do not contact");
        expect(text).toContain("No clock of yours runs for it any more.");
      },
    },
    {
      when: "the record was merged: the person goes on elsewhere",
      given: () =>
        from(decided({ ...at(withAnn(), "14:20"), mergeInto: "ld_bea" }, { kind: "merged" })),
      holds({ text, after }) {
        expect(after.process).toMatchObject({ stage: "disqualified", mergedInto: "ld_bea" });
        expect(text).toContain("merged into another one, lead ld_bea");
        expect(text).not.toContain("do not contact");
      },
    },
    {
      when: "the person was erased",
      given: () => from(decided({ ...at(withAnn(), "14:20"), erased: true }, { kind: "erased" })),
      holds({ text, after }) {
        expect(after.process.stage).toBe("disqualified");
        expect(text).toMatch(/Why: +erased/);
      },
    },
  ],
  merged: [
    {
      when: "another record of the person was merged into the lead",
      given: () =>
        from(
          decided(at(withAnn(), "14:20"), {
            kind: "absorbed",
            from: {
              id: "ld_bea",
              stage: "mql",
              repId: "rp_bob",
              attempts: 0,
              firstOutreachAt: null,
              connectedAt: null,
              meetingAt: null,
              raised: true,
            },
            fields: [],
          }),
        ),
      holds({ text, after }) {
        expect(after.process).toMatchObject({ stage: "mql", owner: "rp_ann" });
        expect(text).toContain("lead ld_bea, was merged into the lead that you have");
        expect(text).toContain("had it until now");
      },
    },
  ],
  contested: [
    {
      when: "the facts contradict the rejection",
      given: () => from(contested()),
      holds({ text, subject, message, after }) {
        expect(after.process).toMatchObject({
          owner: "rp_mia",
          waitingOn: "manager",
          dueAt: message.dueAt,
        });
        expect(message.managerId).toBe("rp_mia");
        expect(subject).toContain(`decide by ${local(after.process.dueAt)}`);
        expect(text).toContain("Ann rejected Ada Lovelace");
        expect(text).toContain("no intent signals");
        expect(after.tasks.map(({ kind, dueAt }) => ({ kind, dueAt }))).toEqual([
          { kind: "contested", dueAt: message.dueAt },
        ]);
      },
    },
  ],
  "contest-decided": [
    {
      when: "overturned: it goes to another rep",
      given: () =>
        from(
          acted(at(contested().after, "14:40"), "decideContest", { decision: "overturn" }, byMia),
        ),
      holds({ text, subject, message, after }) {
        expect(message.repId).toBe("rp_ann");
        expect(after.process).toMatchObject({ owner: null, queue: "routing" });
        expect(running(after, "rep")).toBe(0);
        expect(subject).toContain("Rejection overturned");
        expect(text).toContain("The lead is routed to somebody else.");
        expect(text).not.toMatch(/yours again|reach out|due/i);
      },
    },
    {
      when: "upheld",
      given: () =>
        from(acted(at(contested().after, "14:40"), "decideContest", { decision: "uphold" }, byMia)),
      holds({ text, after }) {
        expect(after.process.stage).toBe("renurture");
        expect(text).toContain("your rejection of Ada Lovelace (Analytical Engines) stands.");
      },
    },
  ],
  "fallback-queue": [
    {
      when: "routing found nobody",
      given: () => from(routedTo(fresh(), null)),
      holds({ text, after }) {
        expect(after.process).toMatchObject({ queue: "sales-ops", owner: null });
        const clock = after.clocks.find(({ kind }) => kind === "outreach")!;
        expect(text).toContain("it waits in the queue sales-ops");
        expect(text).toContain(
          `its first outreach is due by ${local(viewOf(after.agreement, clocksInput(after), clock).dueAt)}`,
        );
      },
    },
  ],
  "nurture-review": [
    {
      when: "it was in nurture for the agreed window",
      given: () => {
        const nurtured = decided({ ...arrivedLead(), engagements: [] }, { kind: "arrived" }).after;
        expect(nurtured.process.stage).toBe("nurture");
        return from(decided(at(nurtured, "2027-01-22T14:00:01"), time));
      },
      holds({ text, after }) {
        expect(after.process).toMatchObject({
          stage: "nurture",
          waitingOn: "review",
          queue: "marketing-ops",
          nextAt: after.tasks[0]?.remindAt,
        });
        expect(text).toContain(`has been in nurture since ${local(after.process.stageSince)}`);
        expect(text).not.toMatch(/deadline|decide by|due|hand it to sales/);
        // What the text offers is possible, and nothing else is.
        for (const decision of ["keep", "retire"] as const)
          acted(after, "decideReview", { decision }, { role: "operator" });
        expect(() =>
          acted(after, "decideReview", { decision: "return" }, { role: "operator" }),
        ).toThrow("refused");
      },
    },
  ],
  "task-waits": [
    {
      when: "a manager did not decide on a contested rejection in time",
      given: () => {
        const asked = acted(at(withAnn(), "14:20"), "reject", { reason: "below-company-size" });
        return from(decided(at(asked.after, "2026-11-24T22:01"), time));
      },
      holds({ text, subject, after }) {
        const [task] = after.tasks;
        expect(task).toMatchObject({ kind: "contested", assigneeId: "rp_mia" });
        expect(subject).toContain("Waiting for you: a contested rejection");
        expect(text).toContain(`waits since ${local(task!.since)}`);
        expect(text).toContain(local(task!.dueAt));
      },
    },
  ],
  stalled: [
    {
      when: "accepted, and then nothing happened",
      given: () => from(decided(at(called(at(accepted(), "14:20")), "2026-12-08T15:00"), time)),
      holds({ text, subject, after }) {
        expect(after.process).toMatchObject({ stage: "sal", owner: "rp_ann" });
        expect(after.tasks).toMatchObject([{ kind: "stalled", assigneeId: "rp_mia" }]);
        expect(subject).toContain("Stalled: Ada Lovelace (Analytical Engines), Ann");
        expect(text).toContain("longer than the agreement allows");
      },
    },
  ],
  "action-refused": [
    {
      when: "somebody else's lead was accepted in the CRM",
      given: () => refused(at(withAnn(), "14:20"), "rp_bob"),
      holds({ text, subject, message, after }) {
        expect(message.repId).toBe("rp_bob");
        expect(subject).toBe("Not taken: accept, Ada Lovelace (Analytical Engines)");
        expect(text).toContain("was not taken: the lead is with somebody else.");
        expect(after.process).toMatchObject({ stage: "mql", owner: "rp_ann" });
        expect(text).toMatch(/It is: +MQL/);
        expect(text).toMatch(/With: +Ann/);
      },
    },
    {
      when: "it was decided already",
      given: () => refused(at(accepted(), "14:20"), "rp_ann"),
      holds({ text, after }) {
        expect(after.process.stage).toBe("sal");
        expect(text).toMatch(/It is: +SAL/);
        expect(text).toContain("accept is not possible: the lead is sal");
      },
    },
  ],
};

function refused(situation: Situation, by: string) {
  const accept = action(situation, "accept", {}, { by, via: "crm" });
  const refusal = decide(situation, { kind: "action", action: accept });
  if (!("refused" in refusal)) throw new Error("expected a refusal");
  const message = refusalMessage(situation, accept, refusal);
  return { after: situation, messages: message ? [message] : [] };
}

const all = Object.entries(cases).flatMap(([kind, list]) =>
  (list as readonly Case<Kind>[]).map((one) => [kind as Kind, one.when, one] as const),
);

describe("a text is true of the situation after the decision that sends it", () => {
  test.each(all)("%s: %s", (kind, _, { given, holds }) => {
    const { after, messages } = given();
    const message = messages.find(({ what }) => what === kind);
    if (!message)
      throw new Error(`the decision sends no ${kind}: ${messages.map(({ what }) => what).join()}`);
    const { subject, text, html } = compose(message, names);
    expect(`${subject}${text}${html}`).not.toMatch(
      /undefined|null|NaN|rp_|no deadline is running\b(?! for)/,
    );
    holds({ subject, text, message, after });
  });

  test("each kind that a decision can send has such a test", () => {
    const aboutNoLead = [
      "renurture-review",
      "review-opened",
      "review-waits",
      "signature-asked",
      "crm-paused",
    ];
    const tested = new Set(all.map(([kind]) => kind as string));
    expect(mailKinds.filter((kind) => !tested.has(kind))).toEqual(aboutNoLead);
  });
});

describe("nobody is told what they did themselves", () => {
  test("a rejection that ends the lead is no withdrawal", () => {
    const { after, changes } = acted(at(withAnn(), "14:20"), "reject", {
      reason: "unsupported-use-case",
    });
    expect(after.process.stage).toBe("disqualified");
    expect(sentBy({ changes })).toEqual([]);
  });

  test(
    "a manager who gets a leaver's lead hears in one mail that it is theirs, until when, and " +
      "that it is to be assigned",
    () => {
      const decision = decided(left(at(accepted(), "14:20"), "rp_ann"), { kind: "roster" });
      const { after, changes } = decision;
      expect(after.process).toMatchObject({ stage: "sal", owner: "rp_mia" });
      expect(sentBy(decision).map(({ what }) => what)).toEqual(["escalation", "offer"]);
      const together = mailsToReaders(after, changes);
      expect(together).toHaveLength(1);
      const [{ message, also }] = together as [MailToReader];
      const kept = JSON.parse(JSON.stringify(mailEffect(message, also)));
      expect([messageOf(kept), alsoOf(kept)]).toEqual([message, also]);
      const mail = compose(message, names, also);
      const due_ = due(after, "outreach");
      expect(mail.subject).toBe(
        `Handed to you, needs you: Ada Lovelace (Analytical Engines), outreach due ${due_}`,
      );
      expect(mail.text).toContain(
        "Rita, Ada Lovelace (Analytical Engines) is yours; it is SAL (accepted by sales) " +
          `already. Outreach due ${due_}. Ada Lovelace (Analytical Engines) waits for a manager to ` +
          "assign it: the owner has left.",
      );
      for (const part of [/Telephone: +\+44 1/, /Why this lead: +demo-request/, /Last with: +Ann/])
        expect(mail.text).toMatch(part);
      expect(mail.text.match(/^Lead: /gm)).toHaveLength(1);
      expect(mail.text).toContain("- Assign it to somebody who can take it now.");
      expect(mail.text.match(/http:/g)).toHaveLength(1);
    },
  );

  test("a breach and the rung that shows it are one mail, which says it once", () => {
    const late = decided(at(withAnn(), "15:00:02"), time);
    const together = mailsToReaders(late.after, late.changes);
    expect(
      together.map(({ message, also }) => [message.what, also.map(({ what }) => what)]),
    ).toEqual([["breach", ["escalation"]]]);
    const [{ message, also }] = together as [MailToReader];
    expect(compose(message, names, also)).toEqual(compose(message, names));
    // One that asks the manager to act leads, and the breach is said beside it.
    const waits = { ...also[0]!, waits: true } as Sent<"escalation">;
    const mail = compose(waits, names, [message]);
    expect(mail.subject).toMatch(/^Needs you, overdue: Ada/);
    expect(mail.text).toMatch(
      /waits for a manager to assign it: .*\. The outreach deadline of Ada/,
    );
  });

  test("two warnings of one moment are one mail with both times", () => {
    const both = (["outreach", "status"] as const).map((clock) => ({
      do: "send" as const,
      n: clock,
      message: {
        what: "warning" as const,
        repId: "rp_ann",
        clock,
        fraction: 0.75,
        dueAt: Date.parse(clock === "status" ? "2026-11-23T16:00Z" : "2026-11-23T15:00Z"),
      },
    }));
    const [told, ...more] = mailsToReaders(withAnn(), both);
    expect(more).toEqual([]);
    const { subject, text } = compose(told!.message, names, told!.also);
    expect(subject).toBe(
      `Reminder: outreach for Ada Lovelace (Analytical Engines) due ${utc("15:00")}`,
    );
    expect(text).toMatch(/Outreach due: .*\n.*Status due: /);
    // A reminder alone goes out with the reader's others.
    const waits = {
      do: "send" as const,
      n: "1",
      message: {
        what: "task-waits" as const,
        task: "fix-data" as const,
        role: "marketing-ops",
        assigneeId: null,
        tell: "holder" as const,
        since: 0,
        dueAt: 1,
      },
    };
    expect(mailsToReaders(withAnn(), [waits, { ...waits, n: "2" }])).toHaveLength(2);
  });

  test("a refusal that its answer tells is not mailed too", () => {
    const situation = at(accepted(), "14:20");
    const accept = action(situation, "accept", {}, { via: "api" });
    const refusal = decide(situation, { kind: "action", action: accept });
    expect("refused" in refusal && refusalMessage(situation, accept, refusal)).toBeNull();
  });
});

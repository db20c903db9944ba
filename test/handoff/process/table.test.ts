import { expect, test } from "vitest";
import { decide } from "../../../handoff/process/decide.ts";
import type { Event } from "../../../handoff/process/event.ts";
import type { Situation } from "../../../handoff/process/situation.ts";
import { actions, type ActionName, type Stage, type waits } from "../../../handoff/stage.ts";
import {
  accepted,
  acted,
  action,
  after,
  afterAll,
  assigned,
  contested,
  day,
  demo,
  goodFacts,
  hour,
  inNurture,
  inPool,
  later,
  offered,
  routed,
  situation,
  withPeople,
} from "../../support/situation.ts";
import { table } from "./table.ts";

const { "account.name": _, ...withoutName } = goodFacts;

/** One situation for every stage and wait, reached by events where events lead there. */
const states: {
  readonly [S in Stage]: { readonly [W in (typeof waits)[S][number]]: () => Situation };
} = {
  new: {
    assessment: () => situation(),
    data: () => afterAll(situation({ facts: withoutName }), { kind: "arrived" }),
  },
  nurture: {
    signal: () => inNurture(),
    review: () => after(inNurture(), { kind: "time" }, inNurture().now + 61 * day),
    data: () => after({ ...inNurture(), facts: withoutName }, { kind: "facts" }),
  },
  mql: {
    assessment: () => afterAll(situation(), { kind: "arrived" }),
    hold: () =>
      afterAll(
        situation(),
        { kind: "arrived" },
        routed({ kind: "held", pool: "americas-sdr", untilAt: situation().now + 2 * hour }),
      ),
    outreach: () => offered(),
    answer: () => acted(offered(), "logOutreach", { channel: "call" }),
    manager: () => contested(),
    queue: () =>
      afterAll(situation(), { kind: "arrived" }, routed({ kind: "queue", queue: "sales-ops" })),
  },
  sal: {
    attempts: () => accepted(),
    meeting: () => acted(accepted(), "logOutreach", { channel: "call", outcome: "meeting_booked" }),
  },
  sql: { opportunity: () => acted(accepted(), "advance", {}) },
  opportunity: { nothing: () => acted(acted(accepted(), "advance", {}), "advance", {}) },
  renurture: {
    return: () => after(inPool(), { kind: "time" }),
    // The review of the pool lists it; no decision does.
    review: () => {
      const at = after(inPool(), { kind: "time" });
      const task = {
        kind: "renurture-review" as const,
        handoffId: null,
        role: "marketing-ops",
        assigneeId: null,
        since: at.now,
        dueAt: null,
        detail: {},
      };
      return { ...at, tasks: [task], process: { ...at.process, waitingOn: "review" } };
    },
    data: () => {
      const at = later(after(inPool(), { kind: "time" }), day);
      const engagements = [...at.engagements, demo(at.now, "en_again")];
      return after({ ...at, facts: withoutName, engagements }, { kind: "engaged" }, at.now + 1);
    },
  },
  disqualified: { nothing: () => acted(inNurture(), "decideReview", { decision: "retire" }) },
};

const bodies: { readonly [A in ActionName]: object } = {
  logOutreach: { channel: "call" },
  accept: {},
  reject: { reason: "wrong-role" },
  advance: {},
  handBack: {},
  reassign: { to: "rp_two" },
  pause: { reason: "legal-review" },
  resume: {},
  decideContest: { decision: "overturn" },
  decideReview: { decision: "keep" },
};

/** A record that sales had not had yet, and nobody had tried to reach. */
const from = {
  id: "ld_other",
  stage: "nurture",
  repId: null,
  attempts: 0,
  firstOutreachAt: null,
  connectedAt: null,
  meetingAt: null,
  raised: false,
} as const;

/** What happens, with the change of the world that it tells of. */
const happenings: Readonly<Record<string, (at: Situation) => readonly [Situation, Event]>> = {
  arrived: (at) => [at, { kind: "arrived" }],
  facts: (at) => [at, { kind: "facts" }],
  "facts: completed": (at) => [{ ...at, facts: { ...at.facts, ...goodFacts } }, { kind: "facts" }],
  "facts: opted out": (at) => [
    { ...at, facts: { ...at.facts, "lead.doNotContact": true } },
    { kind: "facts" },
  ],
  engaged: (at) => [
    { ...at, engagements: [...at.engagements, demo(at.now - 1, "en_new")] },
    { kind: "engaged" },
  ],
  "time: early": (at) => [at, { kind: "time" }],
  "time: a year on": (at) => [later(at, 366 * day), { kind: "time" }],
  policy: (at) => [at, { kind: "policy" }],
  roster: (at) => [at, { kind: "roster" }],
  "roster: owner left": (at) => [
    at.process.owner === null ? at : withPeople(at, { [at.process.owner]: { active: false } }),
    { kind: "roster" },
  ],
  merged: (at) => [{ ...at, mergeInto: "ld_survivor" }, { kind: "merged" }],
  absorbed: (at) => [
    { ...at, now: at.now + 60_000 },
    { kind: "absorbed", from, fields: [] },
  ],
  erased: (at) => [{ ...at, erased: true }, { kind: "erased" }],
  seenInCrm: (at) => [
    { ...at, opportunity: { id: "op_1", createdAt: at.now } },
    { kind: "seenInCrm" },
  ],
  routed: (at) => [at, assigned("rp_two", (at.handoff?.round ?? 0) + 1)],
  reopened: (at) => [at, { kind: "reopened", by: "rp_lead" }],
  ...Object.fromEntries(
    actions.map((name) => [
      name,
      (at: Situation) => [at, action(at, name, bodies[name] as never, "rp_chief")] as const,
    ]),
  ),
};

/** Where it leads: stage and wait, `stays` where both stay, or the code of the refusal. */
function outcomeOf(at: Situation, happening: string): string {
  const [before, event] = happenings[happening]!(later(at, 60_000));
  const outcome = decide(before, event);
  if ("refused" in outcome) return `refused ${outcome.refused.code}`;
  const { stage, waitingOn } = outcome.after.process;
  const isSame = stage === at.process.stage && waitingOn === at.process.waitingOn;
  return isSame ? "stays" : `${stage}/${waitingOn}`;
}

const everyState = Object.entries(states).flatMap(([stage, of]) =>
  Object.entries(of).map(([wait, build]) => [`${stage}/${wait}`, build] as const),
);

test("every stage and wait is in the table, with everything that can happen", () => {
  expect(Object.keys(table).sort()).toEqual(everyState.map(([name]) => name).sort());
});

test.each(everyState)("%s: what follows from everything that can happen", (name, build) => {
  const at = build();
  expect(`${at.process.stage}/${at.process.waitingOn}`).toBe(name);
  const found = Object.fromEntries(
    Object.keys(happenings).map((happening) => [happening, outcomeOf(at, happening)]),
  );
  // A happening that no line names, or that two lines name, fails here.
  // A record that nobody worked on changes nothing, but that its lead is looked at.
  const absorbed = name === "new/assessment" ? "mql/assessment" : "stays";
  expect(found).toEqual({ ...rows(table[name] ?? ""), absorbed });
});

/** `outcome <- happening, happening`, one outcome a line. */
function rows(text: string): Record<string, string> {
  const joined = text.trim().replace(/\n\s*\| /g, " ");
  const lines = joined.split("\n").map((line) => line.trim().split(/\s+<-\s+/));
  const pairs = lines.flatMap(([outcome, names]) =>
    (names ?? "").split(", ").map((one) => [one.trim(), outcome ?? ""] as const),
  );
  expect(new Set(pairs.map(([one]) => one)).size).toBe(pairs.length);
  return Object.fromEntries(pairs);
}

import fc from "fast-check";
import { expect, test } from "vitest";
import { termsOf } from "../../../handoff/clocks/terms.ts";
import { decide, type Decision } from "../../../handoff/process/decide.ts";
import type { ActionBodies, Event } from "../../../handoff/process/event.ts";
import type { Situation } from "../../../handoff/process/situation.ts";
import { isClosed, type ActionName } from "../../../handoff/stage.ts";
import {
  action,
  agreement,
  goodFacts,
  hour,
  reloaded,
  routed,
  situation,
} from "../../support/situation.ts";

const seed = Number(process.env["BATON_WALK_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const company = Object.fromEntries(
  Object.entries(goodFacts).filter(([path]) => path.startsWith("account.")),
);
const flagged: Partial<Situation> = {
  subject: { kind: "account", id: "ac_1" },
  facts: company,
  tier: 1,
  accountFlag: { contacts: 3 },
};

/** What may happen next: how the world is then, and of what is told. */
type Step = (at: Situation) => { readonly at: Situation; readonly event: Event };
const tell =
  (event: Event): Step =>
  (at) => ({ at, event });
const answer = (kind: "rp_one" | "rp_two" | "held" | "queue"): Step => {
  const place =
    kind === "held"
      ? ({ kind: "held", pool: "americas-sdr", untilAt: null } as const)
      : kind === "queue"
        ? ({ kind: "queue", queue: "sales-ops" } as const)
        : ({ kind: "assigned", repId: kind, pool: "americas-sdr", via: "territory" } as const);
  return (at) => ({ at, event: routed(place, (at.handoff?.round ?? 0) + 1) });
};
const act =
  <A extends ActionName>(name: A, body: ActionBodies[A], by?: string): Step =>
  (at) => ({ at, event: action(at, name, body, by ?? at.process.owner ?? "rp_lead") });
const knows =
  (facts: Situation["facts"]): Step =>
  (at) => ({ at: { ...at, facts: { ...company, ...facts } }, event: { kind: "facts" } });
const longer = {
  ...agreement,
  accounts: { ...agreement.accounts!, outreach: { kind: "elapsed" as const, ms: 90 * hour } },
};

const steps: Readonly<Record<string, Step>> = {
  "to one": answer("rp_one"),
  "to two": answer("rp_two"),
  held: answer("held"),
  "to a queue": answer("queue"),
  time: tell({ kind: "time" }),
  engaged: tell({ kind: "engaged" }),
  policy: tell({ kind: "policy" }),
  roster: tell({ kind: "roster" }),
  arrived: tell({ kind: "arrived" }),
  rejudged: (at) => ({
    at,
    event: {
      kind: "rejudged",
      agreementId: "ag_2",
      terms: at.handoff === null ? null : termsOf(longer, "ag_2", at.handoff),
    },
  }),
  outreach: act("logOutreach", { channel: "call", outcome: "connected" }),
  accept: act("accept", {}),
  "reject as small": act("reject", { reason: "below-company-size" }),
  "reject for data": act("reject", { reason: "bad-contact-data", field: "lead.phone" }),
  "reject for authority": act("reject", { reason: "no-authority" }),
  advance: act("advance", {}),
  "hand back": act("handBack", {}),
  reassign: act("reassign", {}, "rp_lead"),
  "give to two": act("reassign", { to: "rp_two" }, "rp_lead"),
  pause: act("pause", { reason: "legal-review" }),
  resume: act("resume", {}),
  uphold: act("decideContest", { decision: "uphold" }, "rp_lead"),
  overturn: act("decideContest", { decision: "overturn" }, "rp_lead"),
  review: act("decideReview", { decision: "keep" }, "rp_lead"),
  customer: knows({ "account.customer": true }),
  small: knows({ "account.employees": 3 }),
  fine: knows({}),
  opportunity: (at) => ({
    at: { ...at, opportunity: { id: "op_1", createdAt: at.now } },
    event: { kind: "seenInCrm" },
  }),
  "one leaves": (at) => ({
    at: {
      ...at,
      people: { ...at.people, rp_one: { ...at.people["rp_one"]!, active: false } },
    },
    event: { kind: "roster" },
  }),
};

/** What holds after every decision about an account. */
function promises(before: Situation, { after, changes }: Decision): void {
  const { process, handoff } = after;
  const ends = changes.filter((change) => change.do === "end-flag").length;
  const isEnd = !isClosed(before.process.stage) && isClosed(process.stage);
  // Its flag ends with its handoff, once, and with nothing else.
  expect(ends).toBe(isEnd ? 1 : 0);
  expect(["new", "mql", "sal", "sql", "opportunity", "disqualified"]).toContain(process.stage);
  expect(process.cycle).toBe(before.process.cycle);
  for (const change of changes)
    // What its people have stays theirs, and no cycle begins but by its next flag.
    expect(["open-opportunity", "link-opportunity", "learn-timeline", "next-cycle"]).not.toContain(
      change.do,
    );
  if (isClosed(process.stage)) {
    expect(process.handoffId).toBeNull();
    expect(process.owner === null || process.stage === "opportunity").toBe(true);
    expect(after.tasks).toEqual([]);
    expect(reloaded(after).offers).toEqual([]);
    for (const { events } of after.clocks)
      expect(["stop", "cancel"]).toContain(events.at(-1)?.kind);
    if (isClosed(before.process.stage)) expect(changes).toEqual([]);
    return;
  }
  expect(process.owner ?? process.queue).not.toBeNull();
  expect(process.nextStep).not.toBe("");
  if (process.stage === "new") return;
  expect(handoff).toMatchObject({ state: "open", leadType: "account-flag", id: "ho_ac_1_1" });
  const targets = after.clocks
    .filter(({ kind, scope }) => kind === "outreach" && scope === "rep")
    .map(({ events }) => events[0]);
  for (const start of targets) expect(start).toMatchObject({ target: { kind: "elapsed" } });
}

test("a generated walk over flagged accounts breaks no promise", () => {
  const tally = { steps: 0, refused: 0, ends: new Map<string, number>() };
  const walk = fc.array(
    fc.record({
      step: fc.constantFrom(...Object.keys(steps)),
      wait: fc.constantFrom(1, 60_000, hour, 7 * hour, 50 * hour, 200 * hour),
    }),
    { minLength: 5, maxLength: 40, size: "max" },
  );
  fc.assert(
    fc.property(walk, (path) => {
      let at = situation(flagged);
      for (const { step, wait } of [{ step: "arrived", wait: 1 }, ...path]) {
        const next = steps[step]!({ ...at, now: at.now + wait });
        const decision = decide(next.at, next.event);
        tally.steps++;
        // Taken again it is the same, and a refusal leaves all as it was.
        expect(decide(next.at, next.event)).toEqual(decision);
        if ("refused" in decision) {
          tally.refused++;
          expect(decision.refused.message).not.toBe("");
          at = next.at;
          continue;
        }
        promises(next.at, decision);
        at = reloaded(decision.after);
      }
      tally.ends.set(at.process.stage, (tally.ends.get(at.process.stage) ?? 0) + 1);
    }),
    { seed, numRuns: Number(process.env["BATON_WALKS"] ?? 400) },
  );
  process.stderr.write(
    `account walk: seed ${seed}, ${tally.steps} steps, ${tally.refused} refused, ` +
      `${JSON.stringify(Object.fromEntries(tally.ends))}\n`,
  );
  for (const stage of ["mql", "disqualified"])
    expect(tally.ends.get(stage) ?? 0, stage).toBeGreaterThan(0);
}, 300_000);

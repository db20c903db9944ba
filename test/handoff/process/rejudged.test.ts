import { describe, expect, test } from "vitest";
import { termsOf, runsBy } from "../../../handoff/clocks/terms.ts";
import { isRunning } from "../../../handoff/process/clocks.ts";
import type { Event } from "../../../handoff/process/event.ts";
import type { Situation } from "../../../handoff/process/situation.ts";
import { fromStored, outcomeOf, toStored } from "../../../handoff/process/stored.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import {
  after,
  assigned,
  decided,
  hour,
  later,
  offered,
  situation,
} from "../../support/situation.ts";

const looser = exampleAgreement(["outreach: 1 business hour", "outreach: 3 business hours"]);
const rejudged = (agreement = looser): Event => ({
  kind: "rejudged",
  agreementId: "ag_2",
  terms: termsOf(agreement, "ag_2", { leadType: "demo-request" }),
});
const targets = ({ clocks }: Situation) =>
  clocks
    .filter(isRunning)
    .map((clock) => `${clock.kind} ${clock.scope} ${JSON.stringify(runsBy(clock).target)}`);

describe("the clocks of an open handoff go on by a version that was activated", () => {
  test("with its targets, for the lead and for the rep; used time stays used", () => {
    const before = later(offered(), hour / 2);
    const decision = decided(before, rejudged());
    expect(decision.because).toBe("its clocks go on by another version");
    expect(targets(decision.after)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^outreach lead .*10800000/),
        expect.stringMatching(/^outreach rep .*10800000/),
      ]),
    );
    expect(decision.after.process.dueAt).toBe((before.process.dueAt ?? 0) + 2 * hour);
    // Nothing else of the version counts for this handoff.
    expect(decision.after.agreementId).toBe(before.agreementId);
    expect(decision.after.handoff?.agreementId).toBe(before.handoff?.agreementId);
    expect(decision.after.handoff?.terms?.agreementId).toBe("ag_2");
  });

  test("once: asked again nothing more happens, and news of people does not undo it", () => {
    const once = after(later(offered(), hour / 2), rejudged());
    const again = decided(once, rejudged());
    expect(again.because).toBe("its clocks run by that version already");
    expect(again.changes.filter((change) => change.do === "clock-event")).toEqual([]);
    expect(targets(after(once, { kind: "roster" }))).toEqual(targets(once));
  });

  test("also for the next owner", () => {
    const once = after(later(offered(), hour / 2), rejudged());
    let at = once;
    for (let looks = 0; looks < 20 && at.process.waitingOn !== "assessment"; looks++)
      at = after({ ...at, now: at.process.nextAt ?? at.now }, { kind: "time" });
    expect(at.process).toMatchObject({ waitingOn: "assessment", owner: null });
    const next = after(at, assigned("rp_two", 2));
    expect(targets(next)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^outreach rep .*10800000/)]),
    );
  });

  test("only clocks with another target: a status that stays has no event, as stored or as read", () => {
    const at = later(offered(), hour / 2);
    // As Postgres gives JSON back: the same with its keys in another order.
    const turned = <T>(value: T): T =>
      JSON.parse(
        JSON.stringify(value, (_key, part: unknown) =>
          typeof part === "object" && part !== null && !Array.isArray(part)
            ? Object.fromEntries(Object.entries(part).reverse())
            : part,
        ),
      ) as T;
    for (const clocks of [at.clocks, turned(at.clocks)])
      expect(
        decided({ ...at, clocks }, rejudged()).changes.flatMap((change) =>
          change.do === "clock-event" ? [change.clock.split("/")[1]] : [],
        ),
      ).toEqual(["outreach", "outreach"]);
  });

  test("a lead type that the version has not, and leads that nobody is asked about, stay", () => {
    const gone: Event = { kind: "rejudged", agreementId: "ag_2", terms: null };
    const kept = decided(offered(), gone);
    expect(kept.because).toMatch(/has no demo-request/);
    expect(targets(kept.after)).toEqual(targets(offered()));
    const { changes } = decided(situation(), rejudged());
    expect(changes.some((change) => change.do === "clock-event")).toBe(false);
  });

  test("what was missed stays missed", () => {
    const missed = later(offered(), 2 * hour);
    const { after: at } = decided(missed, rejudged());
    expect(targets(at).filter((one) => /^outreach .*10800000/.test(one))).toEqual([]);
    expect(decided(at, { kind: "time" }).changes).toContainEqual(
      expect.objectContaining({ do: "note-clock", breachedAt: expect.any(Number) }),
    );
  });

  test("taken again from what is stored, the decision is the same", () => {
    const at = later(offered(), hour / 2);
    const stored = JSON.parse(JSON.stringify({ at: toStored(at), event: rejudged() })) as {
      at: ReturnType<typeof toStored>;
      event: Event;
    };
    expect(outcomeOf(fromStored(stored.at, at.agreement, at.calendars), stored.event)).toEqual(
      outcomeOf(at, rejudged()),
    );
  });
});

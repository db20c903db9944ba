import { describe, expect, test } from "vitest";
import { broughtBy, survivorOf } from "../../../handoff/process/merging.ts";
import type { Absorbed } from "../../../handoff/process/event.ts";
import type { Event } from "../../../handoff/process/event.ts";
import type { Situation } from "../../../handoff/process/situation.ts";
import {
  accepted,
  acted,
  after,
  afterAll,
  day,
  demo,
  decided,
  hour,
  inNurture,
  inPool,
  later,
  messagesOf,
  offered,
  routed,
  situation,
} from "../../support/situation.ts";

const second = { kind: "lead", id: "ld_2" } as const;
const won = () => acted(acted(accepted(), "advance", {}), "advance", {});
const retired = () => acted(inNurture(), "decideReview", { decision: "retire" });
const other = (at: Situation): Situation => ({ ...at, subject: second });
const nothing: Absorbed = {
  id: "ld_2",
  stage: "nurture",
  repId: null,
  attempts: 0,
  firstOutreachAt: null,
  connectedAt: null,
  meetingAt: null,
  raised: false,
};
const taking = (from: Partial<Absorbed>, fields: readonly string[] = []): Event => ({
  kind: "absorbed",
  from: { ...nothing, ...from },
  fields,
});

describe("of two leads of one person", () => {
  test.each<readonly [string, () => Situation, () => Situation]>([
    ["an accepted one and an offered one", accepted, offered],
    ["an opportunity and an accepted one", won, accepted],
    ["an offered one and a retired one", offered, retired],
    ["one in the pool and one in nurture", inPool, inNurture],
    ["a retired one and one that has just arrived", retired, situation],
  ])("%s: the further stage goes on, whatever was wished for", (_what, further, behind) => {
    const [one, two] = [further(), other(behind())];
    expect(survivorOf(one, two, "ld_2").subject.id).toBe("ld_1");
    expect(survivorOf(two, one, "ld_2").subject.id).toBe("ld_1");
  });

  test("at one stage the one that was tried goes on, then the older clock, then the wished one", () => {
    const tried = acted(offered(), "logOutreach", { channel: "call" });
    expect(survivorOf(other(offered()), tried, "ld_2").subject.id).toBe("ld_1");
    const late = other(offered({ now: situation().now + hour }));
    expect(survivorOf(late, offered(), "ld_2").subject.id).toBe("ld_1");
    // One that waits for a rep began earlier; the other one has a rep.
    const held = afterAll(
      situation(),
      { kind: "arrived" },
      routed({ kind: "held", pool: "americas-sdr", untilAt: situation().now + 2 * hour }),
    );
    const had = other(offered({ now: situation().now + hour }));
    expect(survivorOf(held, had, "ld_1").subject.id).toBe("ld_2");
    expect(survivorOf(had, held, "ld_1").subject.id).toBe("ld_2");
    expect(survivorOf(inNurture(), other(inNurture()), "ld_2").subject.id).toBe("ld_2");
    expect(survivorOf(inNurture(), other(inNurture()), null).subject.id).toBe("ld_1");
  });
});

describe("the survivor", () => {
  test("keeps owner and clocks, counts the attempts, and its rep is told who had the other", () => {
    const loser = acted(offered(), "logOutreach", { channel: "call", outcome: "meeting_booked" });
    const from = { ...broughtBy(other(loser)), repId: "rp_two" };
    const at = later(accepted(), hour);
    const decision = decided(at, { kind: "absorbed", from, fields: [] });
    const { process, handoff, clocks } = decision.after;
    expect(process).toMatchObject({ stage: "sal", owner: "rp_one", waitingOn: "meeting" });
    expect(handoff).toMatchObject({
      attempts: (at.handoff?.attempts ?? 0) + 1,
      meetingAt: loser.handoff?.meetingAt,
    });
    expect(clocks.map(({ events }) => events)).toEqual(at.clocks.map(({ events }) => events));
    expect(messagesOf(decision)).toEqual([
      { what: "merged", repId: "rp_one", from: "ld_2", withRep: "rp_two" },
    ]);
  });

  test("ends where the other record said do-not-contact; the rep is told that, and no more", () => {
    const at = later(offered(), hour);
    const out = { ...at, facts: { ...at.facts, "lead.doNotContact": true } };
    const decision = decided(out, taking({}, ["lead.doNotContact"]));
    expect(decision.after.process.stage).toBe("disqualified");
    expect(messagesOf(decision).map(({ what }) => what)).toEqual(["withdrawn"]);
  });

  test.each<readonly [string, () => Situation, string | null]>([
    ["an opportunity: its owner", won, "rp_one"],
    ["a retired one: the managers", retired, null],
  ])("that is closed shows a hot lead to somebody: %s", (_what, build, assigneeId) => {
    const at = later(build(), hour);
    expect(after(at, taking({ stage: "mql" })).tasks).toMatchObject([
      { kind: "hand-raise", assigneeId, detail: { merged: "ld_2" } },
    ]);
    expect(after(at, taking({ stage: "new", raised: true })).tasks).toMatchObject([
      { kind: "hand-raise" },
    ]);
    expect(after(at, taking({})).tasks).toEqual([]);
    expect(after(at, taking({ stage: "disqualified", raised: true })).tasks).toEqual([]);
    // Two that are closed, and somebody was asked about the one that ends.
    const quiet = later(retired(), day);
    const knocked = after(
      { ...quiet, engagements: [...quiet.engagements, demo(quiet.now - hour)] },
      { kind: "engaged" },
    );
    expect(knocked.tasks).toMatchObject([{ kind: "hand-raise" }]);
    const from = broughtBy(other(knocked));
    expect(from).toMatchObject({ stage: "disqualified", isAsked: true });
    expect(after(at, { kind: "absorbed", from, fields: [] }).tasks).toMatchObject([
      { kind: "hand-raise", detail: { merged: "ld_2" } },
    ]);
  });

  test("in nurture is judged with what the other did", () => {
    const at = later(inNurture(), hour);
    const with2 = { ...at, engagements: situation().engagements };
    expect(after(with2, taking({ raised: true })).process.stage).toBe("mql");
  });
});

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decide } from "../../handoff/process/decide.ts";
import type { AnyAction, Event } from "../../handoff/process/event.ts";
import type { Situation } from "../../handoff/process/situation.ts";
import { inTransaction } from "../../store/postgres/db.ts";
import { applyChanges } from "../../store/process/apply.ts";
import { loadSituation } from "../../store/process/load.ts";
import { seededRandom } from "../support/generated-leads.ts";
import { raceWorld, racingReps, standsAt, type RaceWorld } from "../support/race-world.ts";

/**
 * There are two writers of a decision: one in memory, one of rows. What is read from the rows after
 * a decision is what the decision said it would be.
 */
let world: RaceWorld;
beforeAll(async () => {
  world = await raceWorld();
}, 120_000);
afterAll(() => world?.close(), 60_000);

const seed = Number(process.env["SEED"] ?? 7_301);
const random = seededRandom(seed);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

test("rows read after a decision are the situation that the decision left", async () => {
  const began = Date.now();
  const seen = new Map<string, number>();
  for (let n = 0; n < 60; n++) {
    const id = await world.offered(began + n * 1_000);
    for (let k = 1; k <= 8; k++) {
      const at = await standsAt(world.pool, id);
      if (at.stage === "disqualified" || at.stage === "opportunity") break;
      if (at.waiting_on === "assessment" || at.waiting_on === "hold") {
        await world.route(world.deciders[0]!, id, began + n * 1_000 + k * 60_000);
        continue;
      }
      const now = began + n * 1_000 + k * pick([60_000, 3_600_000, 2 * 86_400_000]);
      const { name, after } = await decided(id, now, eventFor(at.owner_id ?? "rp_one", now));
      if (after === null) continue;
      seen.set(name, (seen.get(name) ?? 0) + 1);
      const read = await situationOf(id, now);
      expect(comparable(read), `${name} of ${id}, seed ${seed}`).toEqual(comparable(rested(after)));
    }
  }
  expect([...seen.keys()].length).toBeGreaterThan(8);
}, 300_000);

async function decided(
  id: string,
  now: number,
  event: Event,
): Promise<{ name: string; after: Situation | null }> {
  const name = event.kind === "action" ? event.action.name : event.kind;
  return inTransaction(world.pool, async (tx) => {
    const loaded = await loadSituation(
      tx,
      world.agreements,
      { kind: "lead", id },
      {
        now,
        ...(event.kind === "action" ? { action: event.action } : {}),
      },
    );
    const decision = decide(loaded!.situation, event);
    if ("refused" in decision) return { name, after: null };
    await applyChanges(tx, loaded!.situation, decision);
    return { name, after: decision.after };
  });
}

async function situationOf(id: string, now: number): Promise<Situation> {
  return inTransaction(world.pool, async (tx) => {
    const loaded = await loadSituation(tx, world.agreements, { kind: "lead", id }, { now });
    return loaded!.situation;
  });
}

/** A handoff that was closed is not read again, and neither are its clocks and offers. */
function rested(after: Situation): Situation {
  if (after.handoff === null || after.handoff.state === "open") return after;
  return { ...after, handoff: null, clocks: [], offers: [], lastActivityAt: null, stalledAt: null };
}

/**
 * What both writers hold; what is read of the roster, of others and of the action is not theirs.
 */
function comparable({
  process,
  handoff,
  clocks,
  tasks,
  offers,
  lastActivityAt,
  stalledAt,
  lastLeadType,
  facts,
}: Situation) {
  const round = handoff?.round ?? 0;
  return {
    process,
    handoff,
    lastActivityAt,
    stalledAt,
    lastLeadType,
    timeline: facts["lead.timeline"] ?? null,
    clocks: clocks
      .filter((clock) => clock.round === 0 || clock.round === round)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    tasks: tasks.toSorted((a, b) => (a.kind < b.kind ? -1 : 1)),
    offers: offers.toSorted((a, b) => a.round - b.round),
  };
}

function eventFor(owner: string, receivedAt: number): Event {
  const act = (name: AnyAction["name"], body: object, by = owner, role = "rep"): Event => ({
    kind: "action",
    action: {
      id: `ax_${randomBytes(8).toString("hex")}`,
      name,
      body,
      by,
      role,
      via: "api",
      receivedAt,
      seen: null,
    } as unknown as AnyAction,
  });
  const boss = "rp_chief";
  return pick<() => Event>([
    () =>
      act("logOutreach", {
        channel: "call",
        outcome: pick(["connected", "no_answer", "meeting_booked"]),
        timeline: "now",
      }),
    () => act("accept", { fitRating: 4, note: "good" }),
    () => act("accept", {}),
    () => act("advance", {}),
    () =>
      act("reject", {
        reason: pick(["wrong-role", "bad-contact-data", "no-intent-signals", "below-company-size"]),
      }),
    () => act("handBack", { revisitOn: "2030-01-01" }),
    () => act("pause", { reason: "legal-review" }),
    () => act("resume", {}),
    () => act("reassign", { to: pick(racingReps.filter((rep) => rep !== owner)) }, boss, "manager"),
    () => act("reassign", {}, boss, "manager"),
    () => act("decideContest", { decision: pick(["uphold", "overturn"]) }, boss, "manager"),
    () => act("decideReview", { decision: pick(["keep", "return", "retire"]) }, boss, "manager"),
    () => ({ kind: "time" }),
    () => ({ kind: "time" }),
    () => ({ kind: "facts" }),
    () => ({ kind: "roster" }),
    () => ({ kind: "seenInCrm" }),
    () => ({ kind: "engaged" }),
  ])();
}

import { afterAll, beforeAll, expect, test } from "vitest";
import type { ActionResult } from "../../handoff/process/words.ts";
import { decisive } from "../../handoff/stage.ts";
import { rows, sql } from "../../store/postgres/db.ts";
import { tasksOfEnded } from "../../worker/ended.ts";
import { seededRandom } from "../support/generated-leads.ts";
import {
  raceWorld,
  racingReps,
  standsAt,
  type Decider,
  type RaceWorld,
} from "../support/race-world.ts";

const seed = Number(process.env["SEED"] ?? 41_107);
const races = Number(process.env["RACES"] ?? 5_000);
/** A lead meets so many races one after the other, as long as it is open. */
const racesOfALead = 5;
const minute = 60_000;

let world: RaceWorld;
beforeAll(async () => {
  world = await raceWorld();
}, 120_000);
afterAll(() => world?.close(), 60_000);

/** What somebody does at the same moment as somebody else. */
type Move = (by: Decider, leadId: string, owner: string, at: number) => Promise<Outcome>;
interface Outcome {
  readonly action?: { readonly name: string; readonly result: ActionResult };
}

const action = (name: string, result: ActionResult): Outcome => ({ action: { name, result } });
const asRep = (owner: string, at: number) => ({ by: owner, role: "rep", at });
const moves: Readonly<Record<string, Move>> = {
  accept: async (by, id, owner, at) =>
    action("accept", await world.act(by, id, "accept", {}, asRep(owner, at))),
  reject: async (by, id, owner, at) =>
    action("reject", await world.act(by, id, "reject", { reason: "wrong-role" }, asRep(owner, at))),
  handBack: async (by, id, owner, at) =>
    action("handBack", await world.act(by, id, "handBack", {}, asRep(owner, at))),
  outreach: async (by, id, owner, at) =>
    action(
      "logOutreach",
      await world.act(by, id, "logOutreach", { channel: "call" }, asRep(owner, at)),
    ),
  advance: async (by, id, owner, at) =>
    action("advance", await world.act(by, id, "advance", {}, asRep(owner, at))),
  pause: async (by, id, owner, at) =>
    action("pause", await world.act(by, id, "pause", { reason: "legal-review" }, asRep(owner, at))),
  reassign: async (by, id, owner, at) => {
    const to = racingReps.find((rep) => rep !== owner) ?? "rp_one";
    return action(
      "reassign",
      await world.act(by, id, "reassign", { to }, { by: "rp_chief", role: "manager", at }),
    );
  },
  breach: async (by, id, _owner, at) => {
    await world.time(by, id, at + 24 * 60 * minute);
    return {};
  },
  route: async (by, id, _owner, at) => {
    await world.route(by, id, at);
    return {};
  },
  roster: async (by, id, owner, at) => {
    await by.pool.query(sql`update rep set active = false where id = ${owner} and role = 'rep'`);
    await world.hear(by, id, "roster", at);
    await by.pool.query(sql`update rep set active = true where id = ${owner}`);
    return {};
  },
  facts: async (by, id, _owner, at) => {
    await world.hear(by, id, "facts", at);
    return {};
  },
  merge: async (by, id, _owner, at) => {
    await by.pool.query(sql`update lead set merge_into = ${survivor} where id = ${id}`);
    await world.hear(by, id, "merged", at);
    return {};
  },
};
const usual = [
  "accept",
  "reject",
  "handBack",
  "outreach",
  "advance",
  "pause",
  "reassign",
  "breach",
  "route",
  "roster",
  "facts",
];
let survivor = "";

test(
  `of ${races} races between people, the process, the roster and merges each has one winner ` +
    "and one story in the rows",
  async () => {
    const random = seededRandom(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const began = Date.now();
    survivor = await world.offered(began);
    let run = 0;
    const met = new Map<string, number>();

    async function oneLead(n: number): Promise<void> {
      let at = began + n * minute;
      const id = await world.offered(at);
      for (let k = 0; k < racesOfALead && run < races; k++) {
        const { stage, owner_id } = await standsAt(world.pool, id);
        if (stage === "disqualified" || stage === "opportunity") return;
        run += 1;
        at += 5 * minute;
        const rivals = Array.from({ length: 2 + Math.floor(random() * 2) }, () => pick(usual));
        // A merge ends the lead, so it comes last.
        if (k === racesOfALead - 1 && random() < 0.3) rivals[0] = "merge";
        for (const name of rivals) met.set(name, (met.get(name) ?? 0) + 1);
        const outcomes = await Promise.all(
          rivals.map((name, i) =>
            moves[name]!(world.deciders[i % world.deciders.length]!, id, owner_id ?? "rp_one", at),
          ),
        );
        oneWinner(rivals, outcomes);
      }
      await oneStory(id);
    }

    const left = () => races - run;
    for (let n = 0; left() > 0; n += 4) {
      await Promise.all(Array.from({ length: 4 }, (_, i) => oneLead(n + i)));
    }
    expect(run).toBeGreaterThanOrEqual(races);
    expect(
      (
        await rows<{ sum: number }>(
          world.pool,
          sql`
    select sum((select coalesce(sum(value::bigint), 0) from jsonb_each_text(deltas)))::float8 as sum
      from credit_entry`,
        )
      )[0]?.sum ?? 0,
    ).toBe(0);
    process.stdout.write(
      `races: SEED=${seed}, ${run} races in ${Math.round((Date.now() - began) / 1000)} s; ` +
        `${[...met].map(([name, count]) => `${name} ${count}`).join(", ")}\n`,
    );
  },
  900_000,
);

test("two colleagues of one account who are routed at the same moment go to one person", async () => {
  const began = Date.now() + 40 * 86_400_000;
  const pairs = Array.from({ length: 60 }, (_, n) => n);
  const owners = new Map<string, number>();
  for (const n of pairs) {
    const [at, domain] = [began + n * minute, `colleagues-${n}.example`];
    const [one, other] = [await world.arrived(at, domain), await world.arrived(at, domain)];
    await Promise.all([
      world.route(world.deciders[n % 2]!, one, at),
      world.route(world.deciders[2 + (n % 2)]!, other, at),
    ]);
    const [first, second] = [await standsAt(world.pool, one), await standsAt(world.pool, other)];
    expect(first.owner_id, `pair ${n}`).not.toBeNull();
    expect(second.owner_id, `pair ${n}`).toBe(first.owner_id);
    owners.set(first.owner_id!, (owners.get(first.owner_id!) ?? 0) + 1);
  }
  // Accounts are still given in turn.
  expect(owners.size).toBe(racingReps.length);
}, 120_000);

test("a hand raised in the instant of closing is seen by somebody, whichever came first", async () => {
  const began = Date.now() + 80 * 86_400_000;
  const random = seededRandom(seed);
  const [inTime, late] = [{ knewIt: 0 }, { knewIt: 0 }];
  for (let n = 0; n < 80; n++) {
    const at = began + n * 30 * minute;
    const id = await world.offered(at - 10 * minute);
    const { owner_id: owner } = await standsAt(world.pool, id);
    await world.pool.query(sql`delete from outbox`);
    const wait = (most: number) => new Promise((resolve) => setTimeout(resolve, random() * most));
    const [, closed] = await Promise.all([
      wait(4).then(() => world.raiseHand(world.deciders[0]!, id, at)),
      wait(60).then(() =>
        world.act(
          world.deciders[1]!,
          id,
          "reject",
          { reason: "unsupported-use-case" },
          asRep(owner!, at),
        ),
      ),
    ]);
    expect(closed).toMatchObject({ done: true, stage: "disqualified" });
    const before = await tasksAbout(id);
    (before.length > 0 ? inTime : late).knewIt += 1;
    // What the process is told and does not hear any more, the worker decides.
    const told = await rows<{ id: number }>(
      world.pool,
      sql`select id from outbox where message = 'engaged' and workflow_id = ${`lead/${id}`}`,
    );
    const ended = tasksOfEnded({ ...world.deciders[2]!, clock: () => at + minute });
    for (const { id: n_ } of told)
      await ended({ leadId: id, message: "engaged", key: `outbox/${n_}` });
    expect(await tasksAbout(id), `race ${n}`).toEqual([{ kind: "hand-raise" }]);
  }
  process.stdout.write(
    `races: a hand was known to the closing decision ${inTime.knewIt} times, and came after it ` +
      `${late.knewIt} times\n`,
  );
}, 120_000);

const tasksAbout = (id: string) =>
  rows<{ kind: string }>(
    world.pool,
    sql`select kind from task where subject_id = ${id} and state = 'open'`,
  );

/**
 * Actions received at one moment that each settle what is asked: one is done, the others are told.
 */
function oneWinner(rivals: readonly string[], outcomes: readonly Outcome[]): void {
  const answered = outcomes.flatMap(({ action: one }) => (one ? [one] : []));
  const won = answered.filter(
    ({ name, result }) => result.done && (decisive as readonly string[]).includes(name),
  );
  expect(
    won.length,
    `${rivals.join(" against ")}: ${JSON.stringify(answered)}`,
  ).toBeLessThanOrEqual(1);
  for (const { result } of answered) {
    if (!result.done)
      expect([
        "not-possible-now",
        "already-answered",
        "not-yours",
        "paused-already",
        "unknown-rep",
        "same-owner",
      ]).toContain(result.code);
  }
}

/** The rows tell one story: decisions follow each other, and offers, clocks and owner agree. */
async function oneStory(leadId: string): Promise<void> {
  const decisions = await rows<{
    cycle: number;
    step: number;
    before: Record<string, unknown>;
    after: { cycle: number; step: number; stage: string; owner: string | null };
  }>(
    world.pool,
    sql`
    select cycle, step, situation -> 'process' as before, result as after from decision
      where subject_id = ${leadId} order by cycle, step`,
  );
  for (const [i, { before, after }] of decisions.entries()) {
    const next = decisions[i + 1];
    if (next)
      expect(next.before, `after step ${after.step} of ${leadId}`).toMatchObject({
        cycle: after.cycle,
        step: after.step,
        stage: after.stage,
        owner: after.owner,
      });
    expect(before["step"]).not.toBeUndefined();
  }
  const now = await standsAt(world.pool, leadId);
  const last = decisions.at(-1)!.after;
  expect(now).toMatchObject({
    cycle: last.cycle,
    step: last.step,
    stage: last.stage,
    owner_id: last.owner,
  });
  if (now.stage !== "disqualified" && now.stage !== "opportunity")
    expect(
      (now.owner_id === null) !== (now.queue === null),
      `${leadId} has one owner or queue`,
    ).toBe(true);
  const [shape] = await rows<{
    offers: number;
    with_owner: boolean;
    clocks: number;
    strays: number;
  }>(
    world.pool,
    sql`
    select (select count(*)::int from assignment a where a.handoff_id = p.handoff_id
      and a.ended_at is null) as offers,
      (select coalesce(bool_and(a.rep_id is not distinct from h.rep_id), true) from assignment a
        join handoff h on h.id = a.handoff_id
        where h.id = p.handoff_id and a.ended_at is null and h.rep_id is not null) as with_owner,
      (select coalesce(max(n), 0)::int
        from (select count(*) as n from clock c where c.handoff_id = p.handoff_id
        and c.scope = 'rep'
        and c.ended_at is null group by c.kind) k) as clocks,
      (select count(*)::int from assignment a join handoff h on h.id = a.handoff_id
        where h.subject_id = p.subject_id and h.state = 'closed' and a.ended_at is null) as strays
    from process p where p.subject_kind = 'lead' and p.subject_id = ${leadId}`,
  );
  expect(shape, `${leadId}: ${JSON.stringify(now)}`).toMatchObject({ with_owner: true, strays: 0 });
  expect(shape!.offers, `${leadId}: open offers`).toBeLessThanOrEqual(1);
  expect(shape!.clocks, `${leadId}: running rep clocks of a kind`).toBeLessThanOrEqual(1);
  const twice = await rows(
    world.pool,
    sql`
    select x.id from action x left join decision d on d.key = x.id
    where x.lead_id = ${leadId}
      and (x.settled_at is null or (x.result ->> 'done' = 'true') <> (d.key is not null))`,
  );
  expect(twice, "every action is answered, and decided exactly when it is done").toEqual([]);
}

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { verifyDecisions } from "../../../cli/commands/verify.ts";
import { inTransaction, rows, sql } from "../../../store/postgres/db.ts";
import { accountsOf, lockAccountOf } from "../../../store/routing/account-owner.ts";
import { editRoster, type RosterPart } from "../../../store/routing/roster-edit.ts";
import { releaseHeld } from "../../../store/routing/routing.ts";
import { raceWorld, racingReps, standsAt, type RaceWorld } from "../../support/race-world.ts";

const minute = 60_000;
const hour = 60 * minute;
const pool = "americas-sdr";

let world: RaceWorld;
beforeAll(async () => {
  world = await raceWorld();
}, 120_000);
afterAll(() => world?.close(), 60_000);

/** Each test has a day and companies of its own. */
let day = Date.now();
let n = 0;
beforeEach(async () => {
  day += 24 * hour;
  await world.pool.query("update rep set active = true, max_open = null");
  await world.pool.query("delete from absence");
  await world.pool.query("delete from held");
  await world.pool.query("update handoff set state = 'closed' where state = 'open'");
  await world.pool.query("update assignment set ended_at = at where ended_at is null");
});

const company = () => `company-${(n += 1)}.example`;
const edit = (part: RosterPart, at: number) =>
  inTransaction(world.pool, (tx) => editRoster(tx, part, at));
const absent = (from: number, ids: readonly string[] = racingReps) =>
  edit(
    {
      absences: Object.fromEntries(ids.map((id) => [id, [{ from, to: from + hour, reason: "x" }]])),
    },
    from,
  );
const back = (at: number, ids: readonly string[] = racingReps) =>
  edit({ absences: Object.fromEntries(ids.map((id) => [id, []])) }, at);
const [one, two] = [0, 1].map((i) => () => world.deciders[i]!);

/** Arrived and routed while nobody is there. */
async function onHold(at: number, domain: string): Promise<string> {
  const id = await world.arrived(at, domain);
  await world.route(one!(), id, at);
  expect(await standsAt(world.pool, id)).toMatchObject({ waiting_on: "hold", queue: pool });
  return id;
}

/** What the process does when it hears of its release, or looks again. */
async function ownerOf(id: string, at: number): Promise<string | null> {
  await world.route(one!(), id, at);
  return (await standsAt(world.pool, id)).owner_id;
}

const viaOf = (id: string) =>
  rows<{ rep_id: string; via: string; pool: string | null }>(
    world.pool,
    sql`select s.rep_id, s.via, s.pool from assignment s join handoff h on h.id = s.handoff_id
      where h.subject_id = ${id} order by s.round`,
  );

const told = (message: string) =>
  rows<{ id: string }>(
    world.pool,
    sql`select replace(workflow_id, 'lead/', '') as id from outbox
      where message = ${message} and done_at is null order by 1`,
  );

test("colleagues on hold who are released together go to one person, at the cost of one turn", async () => {
  await absent(day);
  const domains = [company(), company(), company()];
  const held: string[][] = [];
  for (const domain of domains) {
    const ids = [];
    for (let k = 0; k < 3; k++) ids.push(await onHold(day + minute, domain));
    held.push(ids);
  }
  const turns = () => rows(world.pool, sql`select id from credit_entry where kind = 'pick'`);
  const before = (await turns()).length;
  const { released } = await back(day + 10 * minute);
  expect(released).toBe(9);
  expect((await turns()).length - before).toBe(3);
  const owners = new Set<string>();
  for (const ids of held) {
    const own = [];
    for (const id of ids) own.push(await ownerOf(id, day + 11 * minute));
    expect(new Set(own).size, String(own)).toBe(1);
    owners.add(own[0]!);
    const offers = (await Promise.all(ids.map((id) => viaOf(id)))).flat();
    expect(offers.map(({ via }) => via).sort()).toEqual(["owner", "owner", "release"]);
    expect(offers.every((offer) => offer.pool === pool)).toBe(true);
  }
  // Accounts are still given in turn.
  expect(owners.size).toBe(3);
});

test("a lead on hold goes to who works on its account, also when that is an owner outside the pool", async () => {
  const domain = company();
  const first = await world.arrived(day, domain);
  await world.route(one!(), first, day);
  const { owner_id: owner } = await standsAt(world.pool, first);
  await absent(day + minute);
  const second = await onHold(day + 2 * minute, domain);
  await world.pool.query(sql`delete from pool_member where rep_id = ${owner}`);
  await back(day + 10 * minute);
  expect(await ownerOf(second, day + 11 * minute)).toBe(owner);
  expect((await viaOf(second)).at(-1)).toEqual({ rep_id: owner, via: "owner", pool: null });
  await world.pool.query(
    sql`insert into pool_member (pool_id, rep_id, weight) values (${pool}, ${owner}, 1)`,
  );
});

test("an owner without room is passed over, and the account's next person goes before the turn", async () => {
  const domain = company();
  await edit(
    {
      reps: (
        await rows<{ id: string; name: string; email: string }>(
          world.pool,
          sql`select id, name, email from rep where id = 'rp_two'`,
        )
      ).map((rep) => ({
        ...rep,
        role: "rep",
        managerId: "rp_chief",
        active: true,
        hours: null,
        languages: ["en"],
        products: [],
        motions: [],
        caps: { open: 1 },
        crmId: null,
      })),
    },
    day,
  );
  await absent(day);
  const ids = [];
  for (let k = 1; k < 5; k++) ids.push(await onHold(day + k * minute, domain));
  await world.pool.query(sql`
    update account set facts = facts || ${JSON.stringify({
      "account.owner": { value: "rp_two", from: "crm", at: new Date(day).toISOString() },
    })}::jsonb where domain = ${domain}`);
  await back(day + 10 * minute);
  const owners = [];
  for (const id of ids) owners.push(await ownerOf(id, day + 11 * minute));
  // The CRM's owner takes as many as there is room for; the others go to one person together.
  expect(owners[0]).toBe("rp_two");
  expect(owners[1]).not.toBe("rp_two");
  expect(new Set(owners.slice(1)).size).toBe(1);
  const [kept] = await rows<{ input: { owners: { repId: string }[] }; why: (string | null)[] }>(
    world.pool,
    sql`select jsonb_build_object('owners', record::jsonb -> 'owners') as input,
      record::jsonb -> 'why' as why from assignment s join handoff h on h.id = s.handoff_id
      where h.subject_id = ${ids[2]} order by s.round desc limit 1`,
  );
  expect(kept?.input.owners.map(({ repId }) => repId)).toEqual(["rp_two", owners[1]]);
  expect(kept?.why).toEqual(["at capacity 1/1", null]);
});

test("where the agreement ignores owners a release goes by turn", async () => {
  const domain = company();
  await absent(day);
  const ids = [];
  for (let k = 0; k < 2; k++) ids.push(await onHold(day + minute, domain));
  await world.pool.query("update held set request = request || '{\"keepsOwners\": false}'");
  await back(day + 10 * minute);
  const owners = [];
  for (const id of ids) owners.push(await ownerOf(id, day + 11 * minute));
  expect(new Set(owners).size).toBe(2);
});

test(
  "a colleague routed beside a release waits for it; a release beside a routing leaves the " +
    "lead to ask by itself",
  async () => {
    const domain = company();
    await absent(day);
    const held = await onHold(day + minute, domain);
    const fresh = await world.arrived(day + 2 * minute, domain);
    await world.pool.query("delete from absence");
    await world.pool.query("update outbox set done_at = now() where done_at is null");
    await inTransaction(world.pool, async (tx) => {
      // As the routing of the colleague does before it asks the dispatcher.
      await lockAccountOf(tx, fresh);
      const none = await inTransaction(two!().pool, (other) =>
        releaseHeld(other, [pool], day + 3 * minute),
      );
      expect(none).toEqual([]);
    });
    expect(await told("released")).toEqual([]);
    expect(await told("rosterChanged")).toEqual([{ id: held }]);
    const owner = await ownerOf(fresh, day + 4 * minute);
    expect(owner).not.toBeNull();
    expect(await ownerOf(held, day + 5 * minute)).toBe(owner);
  },
);

test("of colleagues who are released and routed at the same moment all go to one person", async () => {
  for (let run = 0; run < 20; run++) {
    const [at, domain] = [day + run * 2 * hour, company()];
    await absent(at);
    const held = [await onHold(at + minute, domain), await onHold(at + minute, domain)];
    const fresh = await world.arrived(at + 2 * minute, domain);
    await Promise.all([
      back(at + 3 * minute),
      world.route(two!(), fresh, at + 3 * minute),
      world.route(world.deciders[2]!, held[1]!, at + 3 * minute),
    ]);
    const owners = [];
    for (const id of [...held, fresh]) {
      const { owner_id, waiting_on } = await standsAt(world.pool, id);
      owners.push(waiting_on === "outreach" ? owner_id : await ownerOf(id, at + 4 * minute));
    }
    expect(owners[0], `run ${run}`).not.toBeNull();
    expect(new Set(owners).size, `run ${run}: ${owners.join()}`).toBe(1);
  }
}, 120_000);

test("in a later round, too, a lead goes to who works on its account", async () => {
  const domain = company();
  const [first, second] = [await world.arrived(day, domain), await world.arrived(day, domain)];
  await world.route(one!(), first, day);
  await world.route(one!(), second, day);
  const { owner_id: owner } = await standsAt(world.pool, first);
  const other = racingReps.find((id) => id !== owner)!;
  const boss = { by: "rp_chief", role: "manager", at: day + minute };
  await world.act(one!(), first, "reassign", { to: other }, boss);
  const answer = await world.act(
    one!(),
    second,
    "handBack",
    {},
    {
      by: owner!,
      role: "rep",
      at: day + 2 * minute,
    },
  );
  expect(answer).toMatchObject({ done: true });
  // Its rep leaves: the offer is routed again, to the colleague's rep, not to who had it before.
  const third = await world.arrived(day + 3 * minute, domain);
  await world.act(one!(), third, "reassign", { to: owner! }, { ...boss, at: day + 3 * minute });
  await world.route(one!(), third, day + 3 * minute);
  await world.pool.query(sql`update rep set active = false where id = ${owner}`);
  await world.hear(one!(), third, "roster", day + 4 * minute);
  expect(await ownerOf(third, day + 4 * minute)).toBe(other);
});

test("who has a colleague only until a manager gives it away works on nothing", async () => {
  const domain = company();
  const [first, second] = [await world.arrived(day, domain), await world.arrived(day, domain)];
  await world.route(one!(), first, day);
  const { owner_id: owner } = await standsAt(world.pool, first);
  const asRep = { by: owner!, role: "rep", at: day + minute };
  await world.act(one!(), first, "logOutreach", { channel: "call", outcome: "connected" }, asRep);
  await world.act(one!(), first, "accept", {}, asRep);
  const known = () => inTransaction(world.pool, (tx) => accountsOf(tx, [second]));
  expect((await known()).get(second)?.owners).toEqual([owner]);
  await world.pool.query(sql`update rep set active = false where id = ${owner}`);
  await world.hear(one!(), first, "roster", day + 2 * minute);
  expect(await standsAt(world.pool, first)).toMatchObject({ stage: "sal", owner_id: "rp_chief" });
  expect((await known()).get(second)?.owners).toEqual([]);
});

test("a manager who has a leaver's lead is suggested who works on its account", async () => {
  const domain = company();
  const [first, second] = [await world.arrived(day, domain), await world.arrived(day, domain)];
  await world.route(one!(), first, day);
  await world.route(one!(), second, day);
  const { owner_id: owner } = await standsAt(world.pool, first);
  const asRep = { by: owner!, role: "rep", at: day + minute };
  await world.act(one!(), first, "logOutreach", { channel: "call", outcome: "connected" }, asRep);
  await world.act(one!(), first, "accept", {}, asRep);
  // The last of the others, who would not be named otherwise.
  const other = racingReps.findLast((id) => id !== owner)!;
  const boss = { by: "rp_chief", role: "manager", at: day + minute };
  await world.act(one!(), second, "reassign", { to: other }, boss);
  await world.route(one!(), second, day + minute);
  await world.pool.query(sql`update rep set active = false where id = ${owner}`);
  await world.hear(one!(), first, "roster", day + 2 * minute);
  expect(
    await rows(
      world.pool,
      sql`select detail ->> 'suggested' as suggested from task
        where subject_id = ${first} and kind = 'escalated' and state = 'open'`,
    ),
  ).toEqual([{ suggested: other }]);
});

test("every pick of these tests is the same when it is taken again", async () => {
  expect(await verifyDecisions(world.pool)).toMatchObject({ differences: [] });
});

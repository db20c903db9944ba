import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { firstRow, inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { editRoster, type RosterPart } from "../../store/routing/roster-edit.ts";
import { listPools, listReps, type RepRecord } from "../../store/routing/roster.ts";
import { accountsOf } from "../../store/routing/account-owner.ts";
import { alwaysOpen, leadWorld, type LeadWorld } from "../support/lead-world.ts";

const minute = 60_000;
const hour = 60 * minute;
const everyDay = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const always = {
  zone: "UTC",
  week: Object.fromEntries(everyDay.map((name) => [name, ["00:00-24:00"]])),
};
const never = { zone: "UTC", week: {} };
const names = ["rp_one", "rp_two", "rp_three"];

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld({ agreement: alwaysOpen, reps: names });
});
afterAll(() => world?.close());

const edit = (part: RosterPart) =>
  inTransaction(world.pool, (tx) => editRoster(tx, part, Date.now()));

/** Changes one person and leaves everybody else. */
async function change(id: string, more: Partial<RepRecord>) {
  const one = (await listReps(world.pool)).find((rep) => rep.id === id)!;
  return edit({ reps: [{ ...one, ...more }] });
}

/**
 * One manager above the other, three reps in one pool, nobody away; what others left behind is
 * over.
 */
beforeEach(async () => {
  await world.pool.query("update handoff set state = 'closed' where state = 'open'");
  await world.pool.query(
    "update process set stage = 'disqualified', waiting_on = 'nothing', owner_id = null, " +
      "handoff_id = null",
  );
  await world.pool.query("update task set state = 'withdrawn' where state = 'open'");
  await world.pool.query("delete from held");
  await world.pool.query(
    "insert into rep (id, name, email, role, updated_at) values ('rp_chief', 'Chief', " +
      "'chief@example.com', 'manager', now()) on conflict do nothing",
  );
  await world.pool.query(
    "update rep set active = true, hours = null, max_open = null, manager_id = case when role " +
      "= 'rep' then 'rp_boss' when id = 'rp_boss' then 'rp_chief' end",
  );
  await world.pool.query("delete from absence");
  await edit({
    pools: [{ id: "americas-sdr", hours: null, members: { rp_one: 1, rp_two: 1, rp_three: 1 } }],
  });
  await world.pool.query("update outbox set done_at = now() where done_at is null");
});

async function offered(): Promise<string> {
  const id = await world.arrive();
  await world.until(id, (lead) => lead.waiting_on === "outreach");
  return id;
}

async function only(repId: string): Promise<void> {
  await edit({ pools: [{ id: "americas-sdr", hours: null, members: { [repId]: 1 } }] });
}

async function everybody(): Promise<void> {
  await edit({
    pools: [{ id: "americas-sdr", hours: null, members: { rp_one: 1, rp_two: 1, rp_three: 1 } }],
  });
}

const told = async () =>
  (
    await rows<{ workflow_id: string }>(
      world.pool,
      sql`
  select distinct workflow_id from outbox where message = 'rosterChanged' order by 1`,
    )
  ).map((row) => row.workflow_id.slice(5));
const forget = () =>
  world.pool.query("delete from outbox where message = 'rosterChanged' and done_at is not null");
const tasks = (id: string) =>
  rows<{ kind: string; assignee_id: string | null }>(
    world.pool,
    sql`
  select kind, assignee_id from task where subject_id = ${id} and state = 'open' order by kind`,
  );
const clocks = (id: string) =>
  rows<{ scope: string; kind: string; rep_id: string | null }>(
    world.pool,
    sql`
  select c.scope, c.kind, c.rep_id from clock c join handoff h on h.id = c.handoff_id
  where h.subject_id = ${id} and c.state = 'running' and c.scope = 'rep' order by c.kind`,
  );

test(
  "a rep leaves with leads in three stages: each goes on with somebody who is there, and all " +
    "are told",
  async () => {
    await only("rp_one");
    const [offer, sal, sql3] = [await offered(), await offered(), await offered()];
    for (const id of [sal, sql3]) {
      await world.act(id, "logOutreach", { channel: "call", outcome: "connected" });
      await world.act(id, "accept", {});
    }
    await world.act(sql3, "advance", {});
    expect([(await world.lead(sal)).stage, (await world.lead(sql3)).stage]).toEqual(["sal", "sql"]);
    await everybody();
    const other = await world.arrive();
    await world.until(
      other,
      (lead) => lead.waiting_on === "outreach" && lead.owner_id !== "rp_one",
    );
    await forget();

    const done = await change("rp_one", { active: false });
    expect(done.told).toBe(3);
    const moved = await world.until(
      offer,
      (lead) => lead.owner_id !== null && lead.owner_id !== "rp_one",
    );
    expect(moved).toMatchObject({ stage: "mql", waiting_on: "outreach" });
    expect(["rp_two", "rp_three"]).toContain(moved.owner_id);
    for (const [id, stage] of [
      [sal, "sal"],
      [sql3, "sql"],
    ] as const) {
      expect(await world.until(id, (lead) => lead.owner_id === "rp_boss")).toMatchObject({ stage });
      expect(await tasks(id)).toEqual([{ kind: "escalated", assignee_id: "rp_boss" }]);
      expect(await clocks(id)).toEqual([{ scope: "rep", kind: "outreach", rep_id: "rp_boss" }]);
      expect(await world.mails(id)).toEqual(
        expect.arrayContaining([expect.objectContaining({ what: "offer", repId: "rp_boss" })]),
      );
    }
    expect(await told()).toEqual([offer, sal, sql3].toSorted());
    expect(
      await firstRow(
        world.pool,
        sql`
    select count(*)::int as n from assignment a join handoff h on h.id = a.handoff_id
    where a.rep_id = 'rp_one' and a.ended_at is null and h.subject_id = any(${[offer, sal, sql3]})`,
      ),
    ).toEqual({ n: 0 });
  },
);

test("a manager leaves with a contested lead: the next one has task, right and mail, and decides", async () => {
  const id = await offered();
  await world.act(id, "reject", { reason: "below-company-size" });
  await world.until(id, (lead) => lead.owner_id === "rp_boss");
  await change("rp_boss", { active: false });
  expect(await world.until(id, (lead) => lead.owner_id === "rp_chief")).toMatchObject({
    waiting_on: "manager",
  });
  expect(await tasks(id)).toEqual([{ kind: "contested", assignee_id: "rp_chief" }]);
  expect((await world.mails(id)).filter((mail) => mail.what === "contested")).toHaveLength(2);
  expect(
    await world.act(
      id,
      "decideContest",
      { decision: "uphold" },
      { by: "rp_chief", role: "manager" },
    ),
  ).toMatchObject({ done: true });
});

test(
  "hours change under a running clock: what is used stays used, and the rest comes in the new " +
    "hours",
  async () => {
    await only("rp_one");
    const id = await offered();
    await world.pass(id, 20 * minute);
    const clock = () =>
      firstRow<{ due_at: Date; used_ms: number }>(
        world.pool,
        sql`
    select c.due_at, c.used_ms from clock c join handoff h on h.id = c.handoff_id
    where h.subject_id = ${id} and c.scope = 'rep' and c.kind = 'outreach'`,
      );
    // The next window begins some hours from now, on the lead's own clock.
    const opens = Math.ceil((world.now(id) + 3 * hour) / hour) * hour;
    const at = new Date(opens).getUTCHours();
    const two = (n: number) => String(n).padStart(2, "0");
    const window = `${two(at)}:00-${at + 2 > 24 ? "24" : two(at + 2)}:00`;
    await change("rp_one", {
      hours: { zone: "UTC", week: Object.fromEntries(everyDay.map((name) => [name, [window]])) },
    });
    await expect
      .poll(async () => (await clock())!.due_at.getTime(), { timeout: 10_000 })
      .toBeGreaterThan(opens);
    const moved = (await clock())!;
    // 20 of 60 minutes were used.
    expect(Math.abs(moved.due_at.getTime() - opens - 40 * minute)).toBeLessThan(30_000);
    expect(Math.abs(moved.used_ms - 20 * minute)).toBeLessThan(30_000);
    expect(
      await rows(
        world.pool,
        sql`
    select e.kind from clock_event e join clock c on c.id = e.clock_id join handoff h
      on h.id = c.handoff_id
    where h.subject_id = ${id} and c.scope = 'rep' and c.kind = 'outreach' order by e.n`,
      ),
    ).toEqual([{ kind: "start" }, { kind: "calendar-changed" }]);
  },
);

test("other coverage of a pool moves the clocks of its leads, and of no other", async () => {
  const id = await offered();
  await forget();
  const done = await edit({
    pools: [{ id: "americas-sdr", hours: never, members: { rp_one: 1, rp_two: 1, rp_three: 1 } }],
  });
  expect(done.told).toBe(1);
  expect(await told()).toEqual([id]);
  await forget();
  expect(await edit({ pools: [{ id: "dach-sdr", hours: always, members: {} }] })).toMatchObject({
    told: 0,
  });
});

describe("leads on hold", () => {
  async function held(count: number): Promise<string[]> {
    await change("rp_one", { caps: { open: 1 } });
    await only("rp_one");
    await offered();
    const ids = [];
    for (let n = 0; n < count; n++) {
      ids.push(await world.arrive());
      await world.until(ids.at(-1)!, (lead) => lead.waiting_on === "hold");
    }
    return ids;
  }

  test.each<[string, () => Promise<unknown>, string]>([
    ["a new member joins", () => everybody(), "rp_two"],
    ["somebody gets more room", () => change("rp_one", { caps: { open: 9 } }), "rp_one"],
  ])("are offered at once when %s", async (_, happens, owner) => {
    const ids = await held(2);
    await happens();
    for (const id of ids) {
      const lead = await world.until(id, (one) => one.waiting_on === "outreach");
      expect(
        owner === "rp_one" ? lead.owner_id : ["rp_two", "rp_three"].includes(lead.owner_id ?? ""),
      ).toBeTruthy();
    }
  });

  test("go to the fallback queue when the last one who could take them leaves the pool", async () => {
    const [id] = await held(1);
    await edit({ pools: [{ id: "americas-sdr", hours: null, members: {} }] });
    expect(await world.until(id!, (lead) => lead.waiting_on === "queue")).toMatchObject({
      queue: "sales-ops",
    });
  });
});

test("a rep who moves to another pool leaves offers and accepted leads of the old one", async () => {
  await only("rp_one");
  const [offer, sal] = [await offered(), await offered()];
  await world.act(sal, "logOutreach", { channel: "call" });
  await world.act(sal, "accept", {});
  await edit({
    pools: [
      { id: "americas-sdr", hours: null, members: { rp_two: 1 } },
      { id: "dach-sdr", hours: null, members: { rp_one: 1 } },
    ],
  });
  await world.until(offer, (lead) => lead.owner_id === "rp_two");
  await world.until(sal, (lead) => lead.owner_id === "rp_boss");
  expect((await world.mails(offer)).find((mail) => mail.what === "reassigned-away")).toMatchObject({
    repId: "rp_one",
  });
});

test("a task about a closed lead follows too, though no process runs", async () => {
  const id = await offered();
  await world.act(id, "reject", { reason: "wrong-role" });
  await world.until(id, (lead) => lead.stage === "disqualified" || lead.stage === "renurture");
  await world.handle(id).terminate("over");
  await world.pool.query(
    sql`update process set stage = 'disqualified', waiting_on = 'nothing' where subject_id = ${id}`,
  );
  await world.pool.query(sql`
    insert into task (id, kind, subject_kind, subject_id, role, assignee_id, since)
      values ('tk_closed', 'hand-raise', 'lead', ${id}, 'manager', 'rp_boss', now())`);
  await change("rp_boss", { active: false });
  await expect
    .poll(() => tasks(id), { timeout: 10_000 })
    .toEqual([{ kind: "hand-raise", assignee_id: "rp_chief" }]);
});

test("a change that concerns nobody tells nobody", async () => {
  await offered();
  await forget();
  const same = await listReps(world.pool);
  expect(await edit({ reps: same, pools: await listPools(world.pool) })).toEqual({
    told: 0,
    released: 0,
    ended: [],
    revoked: [],
  });
  expect(await change("rp_two", { name: "Other Name", email: "other@example.com" })).toMatchObject({
    told: 0,
  });
  expect(await told()).toEqual([]);
});

test("a rep falls ill with leads in four stages: each moves by the agreement, and all are told", async () => {
  await only("rp_one");
  const [offer, sal, named, deal] = [
    await offered(),
    await offered(),
    await offered(),
    await offered(),
  ];
  for (const id of [sal, named, deal]) {
    await world.act(id, "logOutreach", { channel: "call", outcome: "connected" });
    await world.act(id, "accept", {});
  }
  await world.act(deal, "advance", {});
  await world.act(deal, "advance", { to: "opportunity" });
  await everybody();
  const day = 24 * hour;
  const ill = { from: Date.now() - hour, to: Date.now() + 5 * day, reason: "ill" };
  await edit({ absences: { rp_one: [ill] } });
  expect(
    await world.until(offer, (lead) => lead.owner_id !== null && lead.owner_id !== "rp_one"),
  ).toMatchObject({ stage: "mql", waiting_on: "outreach" });
  await world.until(sal, (lead) => lead.step > 0);
  await expect.poll(() => tasks(sal)).toEqual([{ kind: "stalled", assignee_id: "rp_boss" }]);
  const [shown] = await rows<{ detail: { suggested?: string } }>(
    world.pool,
    sql`select detail from task where subject_id = ${sal} and state = 'open'`,
  );
  expect(["rp_two", "rp_three"]).toContain(shown?.detail.suggested);
  expect((await world.lead(sal)).owner_id).toBe("rp_one");

  // Entered again with a deputy: accepted leads and the opportunity go there.
  await edit({ absences: { rp_one: [{ ...ill, deputyId: "rp_two" }] } });
  await world.until(named, (lead) => lead.owner_id === "rp_two");
  await world.until(deal, (lead) => lead.owner_id === "rp_two");
  expect(await world.mails(named)).toEqual(
    expect.arrayContaining([expect.objectContaining({ what: "offer", repId: "rp_two" })]),
  );

  // Its process is over; a manager still gives the open opportunity to somebody else.
  await world.act(deal, "reassign", { to: "rp_three" }, { by: "rp_boss", role: "manager" });
  expect((await world.lead(deal)).owner_id).toBe("rp_three");
  await expect
    .poll(() => world.mails(deal))
    .toEqual(
      expect.arrayContaining([expect.objectContaining({ what: "offer", repId: "rp_three" })]),
    );
});

test("a colleague of an account that somebody works goes to that person", async () => {
  await only("rp_two");
  const first = await offered();
  await everybody();
  const second = await world.arrive();
  await world.pool.query(
    "update lead set account_id = coalesce((select account_id from lead where id = $1), " +
      "account_id) where id = $2",
    [first, second],
  );
  const owners = async (told: string | null) => {
    const fact = { value: told, from: "crm", at: new Date().toISOString() };
    await world.pool.query(
      sql`update account
        set facts = ${JSON.stringify(told === null ? {} : { "account.owner": fact })}
        where id = (select account_id from lead where id = ${second})`,
    );
    const found = await inTransaction(world.pool, (tx) => accountsOf(tx, [second]));
    return found.get(second)?.owners;
  };
  expect(await owners(null)).toEqual(["rp_two"]);
  // The CRM's owner goes first; routing passes over who is away and says so.
  expect(await owners("rp_three")).toEqual(["rp_three", "rp_two"]);
  await world.pool.query("update handoff set state = 'closed' where subject_id = $1", [first]);
  expect(await owners("rp_three")).toEqual(["rp_three"]);
  expect(await owners("rp_nobody")).toEqual([]);
});

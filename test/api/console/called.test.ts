import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "../../../store/postgres/db.ts";
import { openTask } from "../../../store/process/human-tasks.ts";
import { peopleWorld, type PeopleWorld } from "../../support/people-world.ts";
import { signedIn, type Visitor } from "../../support/visitor.ts";

let world: PeopleWorld;
let boss: Visitor;
/** Of a person without a name: one with an address, one at a company, one of whom nothing is known. */
let ids: readonly string[];
const account = "ac_looms";

beforeAll(async () => {
  world = await peopleWorld();
  const now = world.now();
  const { pool } = world;
  const dueAt = now - 60_000;
  const [mail, company, nothing] = [
    await world.lead("rp_one", { dueAt, email: "ada@looms.example" }),
    await world.lead("rp_one", { dueAt }),
    await world.lead("rp_one", { dueAt }),
  ];
  ids = [mail, company, nothing];
  await pool.query(sql`insert into account (id, domain, facts, created_at)
    values (${account}, 'looms.example', '{}', ${new Date(now)})`);
  await pool.query(sql`update lead set facts = '{}', account_id = null,
    email = case when id = ${mail} then email end`);
  await pool.query(sql`update lead set account_id = ${account} where id = ${company}`);
  const task = { role: "manager", assigneeId: null, dueAt, detail: {}, kind: "stalled" } as const;
  for (const id of ids) await openTask(pool, { ...task, subject: { kind: "lead", id } }, now);
  const subject = { kind: "account", id: account } as const;
  await openTask(pool, { ...task, kind: "account-engaged", subject }, now);
  boss = await signedIn({ ...world, now }, { role: "manager", repId: "rp_boss" });
});
afterAll(() => world.close());

test.each(["queue", "board", "leads", "tasks"])(
  "the page %s calls a lead without a name by what is known of it",
  async (page) => {
    const { text } = await boss.get(`/console/${page}`);
    const words = ids.map((id) => {
      const link = new RegExp(`<a href="/console/leads/${id}[^"]*"[^>]*><bdi>([^<]*)</bdi>`);
      return link.exec(text)?.[1];
    });
    expect(words).toEqual(["ada@looms.example", "looms.example", ids[2]]);
  },
);

test.each(["queue", "tasks"])("the page %s calls a task's account by its domain", async (page) => {
  const { text } = await boss.get(`/console/${page}`);
  expect(text).toMatch(
    new RegExp(`<a href="/console/accounts/${account}"[^>]*><bdi>looms.example</bdi>`),
  );
});

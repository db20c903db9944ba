import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { rows, sql } from "../../store/postgres/db.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
beforeEach(() => world.pool.query("truncate lead, process, task, handoff, outbox, effect cascade"));

const facts = (email: string) => ({
  "lead.email": email,
  "lead.name": `Name of ${email}`,
  "account.name": "Acme",
});
const takeIn = async (body: object) => (await world.ask("POST", "/leads", { body })).body;
const openTasks = async () =>
  (await world.ask("GET", "/tasks?kind=conflict", { as: "marketing" })).body.items;
const decide = (task: string, body: object, as: "marketing" | "one" | "boss" = "marketing") =>
  world.ask("POST", `/tasks/${task}/conflict-decision`, { as, body });

/** Two people; the first is told to have the second's address. */
async function conflict(): Promise<{ first: string; second: string }> {
  const first = (await takeIn({ externalId: "x-1", facts: facts("first@acme.test") })).id;
  const second = (await takeIn({ externalId: "x-2", facts: facts("second@acme.test") })).id;
  const answer = await takeIn({ id: first, facts: { "lead.email": "second@acme.test" } });
  expect(answer).toMatchObject({ id: first, conflictsWith: [second] });
  return { first, second };
}

describe("two leads that may be one person", () => {
  test("intake says so, the address stays where it was, and a task shows both side by side", async () => {
    const { first, second } = await conflict();
    expect(await rows(world.pool, sql`select id, email from lead order by email`)).toEqual([
      { id: first, email: "first@acme.test" },
      { id: second, email: "second@acme.test" },
    ]);
    const { body } = await world.ask("GET", `/leads/${first}`);
    expect(body.facts["lead.email"].value).toBe("first@acme.test");
    // It has its time from the beginning, before any decision.
    expect(
      await rows(
        world.pool,
        sql`select due_at > since as due, remind_at = due_at as asked from task`,
      ),
    ).toEqual([{ due: true, asked: true }]);
    expect(await openTasks()).toMatchObject([
      {
        kind: "conflict",
        subject: { id: first },
        endsBy: "POST /tasks/{id}/conflict-decision",
        people: [
          {
            lead: first,
            email: "first@acme.test",
            company: "Acme",
            name: "Name of first@acme.test",
          },
          { lead: second, email: "second@acme.test", stage: "new" },
        ],
      },
    ]);
  });

  test("an address corrected to somebody else's is such a conflict, not a second record with it", async () => {
    const first = (await takeIn({ facts: facts("first@acme.test") })).id;
    const second = (await takeIn({ facts: facts("second@acme.test") })).id;
    const patch = { facts: { "lead.email": "Second@acme.test", "lead.phone": "+1 555" } };
    expect((await world.ask("PATCH", `/leads/${first}`, { body: patch })).body).toEqual({
      id: first,
      changed: ["lead.phone"],
      conflictsWith: [second],
      notUnderstood: [],
    });
    expect(
      await rows(
        world.pool,
        sql`select facts #>> '{lead.email,value}' as email from lead order by email`,
      ),
    ).toEqual([{ email: "first@acme.test" }, { email: "second@acme.test" }]);
    expect(await openTasks()).toHaveLength(1);
  });

  test("two people: both stay, their gates are asked again, and it is never asked again", async () => {
    const { first, second } = await conflict();
    await world.pool.query("truncate outbox");
    const [task] = await openTasks();
    expect((await decide(task.id, { decision: "two-people" })).body).toMatchObject({
      decision: "two-people",
      survivor: null,
      task: { state: "done", doneHow: "two-people" },
    });
    expect(
      await rows(world.pool, sql`select workflow_id as id, message from outbox order by id`),
    ).toEqual([first, second].sort().map((id) => ({ id: `lead/${id}`, message: "factsChanged" })));
    const again = { id: first, facts: { "lead.email": "second@acme.test" } };
    expect((await takeIn(again)).conflictsWith).toEqual([]);
    const turned = { id: second, facts: { "lead.email": "first@acme.test" } };
    expect((await takeIn(turned)).conflictsWith).toEqual([]);
    expect(await openTasks()).toEqual([]);
    expect((await decide(task.id, { decision: "one-person" })).status).toBe(409);
  });

  test("one person: they are one lead, and whatever is told of the other is told of it", async () => {
    const { first, second } = await conflict();
    const [task] = await openTasks();
    const { body } = await decide(task.id, { decision: "one-person", keep: second });
    expect(body).toMatchObject({ survivor: second, task: { state: "withdrawn" } });
    expect((await world.ask("GET", `/leads/${first}`)).body).toMatchObject({
      stage: "disqualified",
      mergedInto: second,
    });
    expect(await takeIn({ id: first, facts: { "lead.title": "CTO" } })).toMatchObject({
      id: second,
      changed: ["lead.title"],
    });
    const patch = { body: { facts: { "lead.phone": "+1 555" } } };
    expect((await world.ask("PATCH", `/leads/${first}`, patch)).body.id).toBe(second);
    expect(await takeIn({ externalId: "x-1", facts: {} })).toMatchObject({ id: second });
    const history = await world.ask("GET", `/leads/${second}/history?limit=100`);
    expect(
      history.body.items
        .filter((entry: { kind: string }) => entry.kind === "decision")
        .map((entry: { what: string }) => entry.what)
        .sort(),
    ).toEqual(["absorbed", "merged"]);
    expect(await openTasks()).toEqual([]);
  });

  test("two engagements with one id stay two, a repeat of one counts once, and over several merges", async () => {
    const did = (id: string, type: string, occurredAt: string) => ({ id, type, occurredAt });
    const people = [
      [did("form-1", "pricing_page", "2026-11-20T10:00:00Z")],
      [
        did("form-1", "demo_request", "2026-11-21T10:00:00Z"),
        did("form-2", "pricing_page", "2026-11-21T11:00:00Z"),
      ],
      [
        did("form-1", "pricing_page", "2026-11-22T10:00:00Z"),
        did("form-2", "pricing_page", "2026-11-21T11:00:00Z"),
      ],
    ];
    const ids: string[] = [];
    for (const [n, engagements] of people.entries()) {
      const body = { externalId: `x-${n}`, facts: facts(`p${n}@acme.test`), engagements };
      ids.push((await takeIn(body)).id);
    }
    for (const [one, other] of [
      [0, 1],
      [1, 2],
    ] as const) {
      await takeIn({ id: ids[one], facts: { "lead.email": `p${other}@acme.test` } });
      const [task] = await openTasks();
      await decide(task.id, { decision: "one-person", keep: ids[other] });
    }
    expect(
      await rows(
        world.pool,
        sql`select lead_id, type, occurred_at::date::text as on from engagement order by occurred_at`,
      ),
    ).toEqual([
      { lead_id: ids[2], type: "pricing_page", on: "2026-11-20" },
      { lead_id: ids[2], type: "demo_request", on: "2026-11-21" },
      { lead_id: ids[2], type: "pricing_page", on: "2026-11-21" },
      { lead_id: ids[2], type: "pricing_page", on: "2026-11-22" },
    ]);
    // Told once more of a record that is gone, it is known.
    const again = { externalId: "x-0", facts: {}, engagements: people[0] };
    expect(await takeIn(again)).toMatchObject({ id: ids[2] });
    expect(await rows(world.pool, sql`select from engagement`)).toHaveLength(4);
  });

  test("the offered one goes on whatever was wished for, and its rep is told", async () => {
    const offered = await world.lead("rp_one", { email: "first@acme.test" });
    const second = (await takeIn({ facts: facts("second@acme.test") })).id;
    const patch = { body: { facts: { "lead.email": "second@acme.test" } } };
    await world.ask("PATCH", `/leads/${offered}`, patch);
    const [task] = await openTasks();
    const { body } = await decide(task.id, { decision: "one-person", keep: second });
    expect(body.survivor).toBe(offered);
    expect((await world.ask("GET", `/leads/${offered}`)).body).toMatchObject({
      stage: "mql",
      owner: { id: "rp_one" },
    });
    expect(
      await rows(world.pool, sql`select what, payload from effect where kind = 'mail'`),
    ).toEqual([{ what: "merged", payload: { repId: "rp_one", from: second, withRep: null } }]);
  });

  test("which of several is said; reps do not merge, and see no stranger's data", async () => {
    const { first } = await conflict();
    const third = (await takeIn({ externalId: "x-3", facts: facts("third@acme.test") })).id;
    await takeIn({ id: first, facts: { "lead.email": "third@acme.test" } });
    const [task] = await openTasks();
    expect(task.people).toHaveLength(3);
    expect((await decide(task.id, { decision: "two-people" })).body).toMatchObject({
      code: "invalid",
      field: "other",
    });
    expect(
      (await decide(task.id, { decision: "one-person", other: third, keep: "ld_x" })).body,
    ).toMatchObject({ code: "invalid", field: "keep" });
    for (const as of ["one", "boss"] as const)
      expect((await decide(task.id, { decision: "two-people", other: third }, as)).status).toBe(
        403,
      );
    await decide(task.id, { decision: "two-people", other: third });
    expect(await openTasks()).toHaveLength(1);
    await world.pool.query(sql`update process set owner_id = 'rp_one' where subject_id = ${first}`);
    const mine = (await world.ask("GET", "/tasks?kind=conflict", { as: "one" })).body.items;
    expect(mine).toHaveLength(1);
    expect(mine[0].people).toBeUndefined();
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTask, type TaskKind } from "../../store/process/human-tasks.ts";
import { firstRow, rows, sql } from "../../store/postgres/db.ts";
import { peopleWorld, type PeopleWorld, type Persona } from "../support/people-world.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
});
afterAll(() => world.close());
const hour = 3_600_000;

async function task(
  leadId: string,
  kind: TaskKind,
  wish: {
    role: string;
    assigneeId?: string;
    dueAt?: number;
    handoffId?: string;
    detail?: Record<string, unknown>;
  },
): Promise<string> {
  await openTask(world.pool, { kind, subject: { kind: "lead", id: leadId }, ...wish }, world.now());
  return (
    (
      await firstRow<{ id: string }>(
        world.pool,
        sql`select id from task where subject_id = ${leadId} and kind = ${kind}`,
      )
    )?.id ?? ""
  );
}

describe("GET /queue", () => {
  test("a rep sees what is theirs, the earliest due first, with due in words", async () => {
    await world.pool.query("truncate lead, process, task, handoff cascade");
    const late = await world.lead("rp_one", { dueAt: world.now() - 2 * hour });
    const soon = await world.lead("rp_one", { dueAt: world.now() + hour / 2 });
    const later = await world.lead("rp_one", {
      dueAt: world.now() + 26 * hour,
      stage: "sal",
      waitingOn: "attempts",
    });
    await world.lead("rp_one", {
      stage: "opportunity",
      waitingOn: "nothing",
      dueAt: world.now() + hour,
    });
    await world.lead("rp_two", { dueAt: world.now() - hour });
    const stalled = await task(later, "stalled", {
      role: "manager",
      assigneeId: "rp_one",
      dueAt: world.now() + hour,
    });
    const { body } = await world.ask("GET", "/queue", { as: "one" });
    expect(
      body.items.map((item: { id: string; dueInWords: string; overdue: boolean }) => [
        item.id,
        item.dueInWords,
        item.overdue,
      ]),
    ).toEqual([
      [late, "overdue by 2 h", true],
      [soon, "due in 30 min", false],
      [stalled, "due in 1 h", false],
      [later, "due in 1 d 2 h", false],
    ]);
    expect(body.items[2]).toMatchObject({
      kind: "task",
      what: "stalled",
      lead: later,
      url: `http://baton.test/leads/${later}`,
    });
  });

  test("an entry says what is asked, why, until when and where, with company and phone", async () => {
    await world.pool.query("truncate lead, process, task, handoff cascade");
    const lead = await world.lead("rp_one", { dueAt: world.now() + hour });
    await world.pool.query(sql`
      insert into account (id, domain, facts, created_at) values ('ac_queue', 'customer.example',
        ${{ "account.name": { value: "Customer", from: "form", at: "2026-11-20T10:00:00Z" } }},
        ${new Date(world.now())}) on conflict do nothing`);
    await world.pool.query(sql`
      update lead set account_id = 'ac_queue', facts = facts || ${{
        "lead.phone": { value: "+1 555 0100", from: "form", at: "2026-11-20T10:00:00Z" },
      }}::jsonb where id = ${lead}`);
    const data = await task(await world.lead("rp_other"), "fix-data", {
      role: "manager",
      assigneeId: "rp_one",
      dueAt: world.now() + 2 * hour,
      detail: { because: "rejected: bad data", reason: "bad-data", field: "lead.phone" },
    });
    const { body } = await world.ask("GET", "/queue", { as: "one" });
    expect(body.items).toMatchObject([
      {
        kind: "lead",
        id: lead,
        asked: "Reach out and log the attempt, then accept or reject with a reason.",
        why: "a lead type matched",
        company: "Customer",
        phone: "+1 555 0100",
        due: "2026-11-23T16:00:00.000Z",
        dueLocal: "2026-11-23 11:00 America/New_York",
        zone: "America/New_York",
      },
      {
        kind: "task",
        id: data,
        asked: "Correct or supply what the task names, on the lead's page.",
        why: "rejected: bad data; see telephone",
        dueLocal: "2026-11-23 12:00 America/New_York",
      },
    ]);
  });

  test(
    "a manager sees the team's clocks of today and what waits for managers, each once, not " +
      "another team's",
    async () => {
      await world.pool.query("truncate lead, process, task, handoff cascade");
      const teams = await world.lead("rp_two", { dueAt: world.now() - hour });
      const today = await world.lead("rp_two", { dueAt: world.now() + 3 * hour });
      await world.lead("rp_two", { dueAt: world.now() + 20 * hour });
      const others = await world.lead("rp_other", { dueAt: world.now() - hour });
      // Of a lead with a task the task is shown, and the earlier of both times counts.
      const contested = await task(teams, "contested", {
        role: "manager",
        assigneeId: "rp_boss",
        dueAt: world.now() + hour,
      });
      const anybodys = await task(others, "escalated", { role: "manager" });
      const queue = async (as: Persona) =>
        (await world.ask("GET", "/queue", { as })).body.items.map(
          (item: { id: string }) => item.id,
        );
      expect(await queue("boss")).toEqual([contested, today, anybodys]);
      expect(await queue("chief")).toEqual([anybodys]);
      expect(await queue("operator")).toEqual([contested, anybodys].toSorted());
      const { body } = await world.ask("GET", "/queue", { as: "boss" });
      expect(body.items.find((item: { id: string }) => item.id === contested)).toMatchObject({
        lead: teams,
        due: new Date(world.now() - hour).toISOString(),
        overdue: true,
      });
    },
  );

  test("goes on by cursor, also past what has no deadline", async () => {
    await world.pool.query("truncate lead, process, task, handoff cascade");
    for (let n = 0; n < 4; n++)
      await task(
        await world.lead("rp_one", { stage: "opportunity", waitingOn: "nothing" }),
        "stalled",
        n % 2
          ? { role: "manager", assigneeId: "rp_one" }
          : { role: "manager", assigneeId: "rp_one", dueAt: world.now() + n * hour },
      );
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page: { items: { id: string }[]; next: string | null } = (
        await world.ask("GET", `/queue?limit=1${cursor ? `&cursor=${cursor}` : ""}`, { as: "one" })
      ).body;
      seen.push(...page.items.map((item) => item.id));
      cursor = page.next;
    }
    expect(new Set(seen).size).toBe(4);
    expect(seen).toHaveLength(4);
  });
});

describe("tasks", () => {
  test("marketing and operators see all, a rep those about own leads or named to them", async () => {
    await world.pool.query("truncate lead, process, task, handoff cascade");
    const mine = await task(await world.lead("rp_one"), "stalled", {
      role: "manager",
      assigneeId: "rp_one",
    });
    const data = await task(await world.lead(null), "fix-data", { role: "marketing-ops" });
    const list = async (as: Persona) =>
      (await world.ask("GET", "/tasks", { as })).body.items
        .map((item: { id: string }) => item.id)
        .toSorted();
    expect(await list("one")).toEqual([mine]);
    expect(await list("two")).toEqual([]);
    for (const as of ["operator", "marketing", "revops"] as const)
      expect(await list(as)).toEqual([mine, data].toSorted());
  });

  test("a task that nothing else ends is ended here, once, with how; audited", async () => {
    const id = await task(await world.lead("rp_one"), "stalled", {
      role: "manager",
      assigneeId: "rp_one",
    });
    expect(
      (await world.ask("POST", `/tasks/${id}/done`, { as: "two", body: { how: "x" } })).status,
    ).toBe(404);
    expect(
      await world.ask("POST", `/tasks/${id}/done`, { as: "one", body: { how: "called again" } }),
    ).toMatchObject({
      status: 200,
      body: { id, state: "done", doneBy: "rp_one", doneHow: "called again" },
    });
    expect(
      await world.ask("POST", `/tasks/${id}/done`, { as: "one", body: { how: "again" } }),
    ).toMatchObject({ status: 409, body: { code: "conflict" } });
    expect(
      await rows(
        world.pool,
        sql`
        select actor from audit where subject = ${id} and what = 'task.done'`,
      ),
    ).toEqual([{ actor: "rp_one" }]);
  });

  test.each<[string, Persona, { role: string; assigneeId?: string }, number]>([
    ["the assignee", "one", { role: "manager", assigneeId: "rp_one" }, 200],
    ["the assignee's manager", "boss", { role: "rep", assigneeId: "rp_one" }, 200],
    ["a manager, where it is a manager's", "boss", { role: "manager" }, 200],
    ["the rep of the lead, where it is a manager's", "one", { role: "manager" }, 403],
    ["the rep of the lead, where it is sales operations'", "one", { role: "sales-ops" }, 403],
    ["revops, where it is sales operations'", "revops", { role: "sales-ops" }, 200],
    ["revops, where it is a rep's", "revops", { role: "rep", assigneeId: "rp_one" }, 403],
    ["marketing, where it is sales operations'", "marketing", { role: "sales-ops" }, 403],
    ["marketing, where it is theirs", "marketing", { role: "marketing-ops" }, 200],
    ["an operator, whosever it is", "operator", { role: "rep", assigneeId: "rp_two" }, 200],
  ])("is ended by %s", async (_, as, wish, status) => {
    const id = await task(await world.lead("rp_one"), "stalled", wish);
    const answer = await world.ask("POST", `/tasks/${id}/done`, { as, body: { how: "done" } });
    expect([answer.status, answer.body.role ?? wish.role]).toEqual([status, wish.role]);
    const stands = (await world.ask("GET", `/tasks?state=${status === 200 ? "done" : "open"}`))
      .body;
    expect(stands.items.map((one: { id: string }) => one.id)).toContain(id);
  });

  test(
    "about data that a rep rejected carries field and note, and ends by a person's word: its " +
      "process is told",
    async () => {
      const lead = await world.lead("rp_one");
      await world.pool.query(sql`update process set handoff_id = null where subject_id = ${lead}`);
      await world.pool.query(sql`delete from handoff where subject_id = ${lead}`);
      const id = await task(lead, "fix-data", {
        role: "sales-ops",
        detail: { reason: "bad-contact-data", field: "lead.phone" },
        handoffId: "ho_note",
      });
      await world.pool.query(sql`
      insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
        priority, band, fit, intent, icp, mql_at)
      select 'ho_note', 'lead', ${lead}, 1, id, 'demo-request', 'fast', 1, 'A', 1, 1, true, now()
      from agreement_version limit 1`);
      await world.pool.query(sql`
      insert into answer (id, handoff_id, round, kind, by_id, reason, note, received_at)
      values ('an_note', 'ho_note', 1, 'reject', 'rp_one', 'bad-contact-data', 'a fax answers',
        now())`);
      expect((await world.ask("GET", `/tasks?lead=${lead}`)).body.items).toMatchObject([
        { id, detail: { field: "lead.phone" }, note: "a fax answers" },
      ]);
      const done = await world.ask("POST", `/tasks/${id}/done`, { body: { how: "it is right" } });
      expect([done.status, done.body.note]).toEqual([200, "a fax answers"]);
      expect(
        await rows(
          world.pool,
          sql`select message from outbox where workflow_id = ${`lead/${lead}`}`,
        ),
      ).toEqual([{ message: "factsChanged" }]);
    },
  );

  test.each([
    ["contested", "contest-decision"],
    ["fallback", "reassign"],
    ["fix-data", "PATCH"],
    ["nurture-review", "review-decision"],
  ] as const)("a task of the kind %s says what ends it", async (kind, how) => {
    const id = await task(await world.lead("rp_one"), kind, { role: "manager" });
    const answer = await world.ask("POST", `/tasks/${id}/done`, { body: { how: "x" } });
    expect([answer.status, answer.body.endsBy.includes(how)]).toEqual([409, true]);
  });

  test.each([
    [{}, "how"],
    [{ how: "" }, "how"],
    [{ how: "x", by: "me" }, "by"],
  ])("%j is 422 naming %s", async (body, field) => {
    const answer = await world.ask("POST", "/tasks/tk_1/done", { body });
    expect([answer.status, answer.body.field]).toEqual([422, field]);
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTask, type TaskKind } from "../../store/human-tasks.ts";
import { firstRow, rows, sql } from "../../store/db.ts";
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
  wish: { role: string; assigneeId?: string; dueAt?: number },
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
    await world.pool.query("truncate lead, task, handoff cascade");
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

  test("a manager sees what waits for managers and the team's overdue leads, not another team's", async () => {
    await world.pool.query("truncate lead, task, handoff cascade");
    const teams = await world.lead("rp_two", { dueAt: world.now() - hour });
    await world.lead("rp_two", { dueAt: world.now() + hour });
    const others = await world.lead("rp_other", { dueAt: world.now() - hour });
    const contested = await task(teams, "contested", {
      role: "manager",
      assigneeId: "rp_boss",
      dueAt: world.now() + hour,
    });
    const anybodys = await task(others, "escalated", { role: "manager" });
    const queue = async (as: Persona) =>
      (await world.ask("GET", "/queue", { as })).body.items.map((item: { id: string }) => item.id);
    expect(await queue("boss")).toEqual([teams, contested, anybodys]);
    expect(await queue("chief")).toEqual([others, anybodys]);
    expect((await queue("operator")).toSorted()).toEqual(
      [teams, others, contested, anybodys].toSorted(),
    );
  });

  test("goes on by cursor, also past what has no deadline", async () => {
    await world.pool.query("truncate lead, task, handoff cascade");
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
    await world.pool.query("truncate lead, task, handoff cascade");
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
      await rows(world.pool, sql`select actor, what from audit where subject = ${id}`),
    ).toEqual([{ actor: "rp_one", what: "task.done" }]);
  });

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

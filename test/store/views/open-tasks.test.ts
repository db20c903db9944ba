import { beforeAll, expect, test } from "vitest";
import { sql } from "../../../store/postgres/db.ts";
import { recountAll } from "../../../store/reports/recount.ts";
import { queueOf } from "../../../store/views/queue.ts";
import type { Reach } from "../../../store/views/reach.ts";
import { listTasks } from "../../../store/views/tasks.ts";
import { withDatabase } from "../../support/database.ts";
import { seededRandom } from "../../support/generated-leads.ts";
import { insertLead } from "../../support/lead-rows.ts";

/**
 * Queues and lists of tasks against a count in TypeScript of everything that is open. SEED sets
 * another company.
 */
const seed = Number(process.env["SEED"] ?? 5_077);
const random = seededRandom(seed);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const HOUR = 3_600_000;
const now = Date.parse("2026-11-20T12:00:00Z");
const db = withDatabase();

const people = ["rp_1", "rp_2", "rp_3", "rp_boss"];
const roles = ["marketing", "manager", "rp_2"];
const kinds = ["fix-data", "contested", "nurture-review", "stalled"];
/** Few different ones, so that many are due at the same time. */
const someTime = () => new Date(now + Math.floor(random() * 30 - 15) * HOUR);
const maybe = <T>(value: T) => (random() < 0.3 ? null : value);

interface Lead {
  readonly id: string;
  owner: string | null;
  due: Date | null;
  readonly waiting: string;
}
interface Task {
  readonly id: string;
  readonly lead: Lead;
  readonly kind: string;
  readonly role: string;
  readonly assignee: string | null;
  readonly due: Date | null;
}
const leads: Lead[] = [];
const tasks: Task[] = [];

beforeAll(async () => {
  for (const id of people)
    await db.pool.query(sql`
      insert into rep (id, name, email, updated_at)
        values (${id}, ${id}, ${`${id}@team.example`}, ${new Date(now)})`);
  for (let n = 0; n < 120; n += 1) {
    const lead = {
      id: `ld_${String(n).padStart(3, "0")}`,
      owner: maybe(pick(people)),
      due: maybe(someTime()),
      waiting: pick(["outreach", "answer", "manager", "queue", "signal"]),
    };
    leads.push(lead);
    await insertLead(db.pool, new Date(now), {
      id: lead.id,
      stage: "mql",
      waiting_on: lead.waiting,
      owner_id: lead.owner,
      due_at: lead.due,
    });
    for (const kind of kinds.filter(() => random() < 0.4)) {
      const task = {
        id: `tk_${n}_${kind}`,
        lead,
        kind,
        role: pick(roles),
        assignee: random() < 0.6 ? null : pick(people),
        due: maybe(someTime()),
      };
      const isOpen = random() < 0.8;
      if (isOpen) tasks.push(task);
      await db.pool.query(sql`
        insert into task (id, kind, subject_kind, subject_id, role, assignee_id, since, due_at, state)
          values (${task.id}, ${kind}, 'lead', ${lead.id}, ${task.role}, ${task.assignee},
            ${new Date(now)}, ${task.due}, ${isOpen ? "open" : "done"})`);
    }
  }
  // Later the leads go to other people and their clocks are moved.
  for (const lead of leads.filter(() => random() < 0.5)) {
    lead.owner = maybe(pick(people));
    lead.due = maybe(someTime());
    await db.pool.query(sql`
      update process set owner_id = ${lead.owner}, due_at = ${lead.due}
        where subject_id = ${lead.id}`);
  }
});

interface Asker {
  readonly reach: Reach;
  readonly roles: readonly string[];
  readonly repId: string | null;
}
const askers: Readonly<Record<string, Asker>> = {
  "a rep": {
    reach: { kind: "people", repIds: ["rp_1"], team: false },
    roles: ["rep"],
    repId: "rp_1",
  },
  "a manager of three": {
    reach: { kind: "people", repIds: ["rp_1", "rp_2", "rp_boss"], team: true },
    roles: ["manager"],
    repId: "rp_boss",
  },
  marketing: {
    reach: { kind: "people", repIds: [], team: false },
    roles: ["marketing"],
    repId: null,
  },
  "an operator": { reach: { kind: "all" }, roles: [], repId: null },
  "an operator who has leads": { reach: { kind: "all" }, roles: [], repId: "rp_3" },
};

const end = Number.POSITIVE_INFINITY;
const at = (time: Date | null) => time?.getTime() ?? end;
const inReach = ({ reach }: Asker, owner: string | null) =>
  reach.kind === "all" || (owner !== null && reach.repIds.includes(owner));

function sees(asker: Asker, { assignee, role, lead }: Task): boolean {
  if (asker.reach.kind === "all") return true;
  const { repIds } = asker.reach;
  if (assignee !== null) return repIds.includes(assignee);
  return asker.roles.includes(role) || repIds.includes(role) || inReach(asker, lead.owner);
}

const inOrder = (list: readonly { readonly id: string; readonly at: number }[]) =>
  list.toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)).map(({ id }) => id);

function queueByHand(asker: Asker): string[] {
  const own = tasks.filter((task) => sees(asker, task));
  const work = ["outreach", "answer", "manager"];
  return inOrder([
    ...own.map(({ id, due, lead }) => ({
      id,
      at: Math.min(
        at(due),
        lead.owner !== asker.repId && inReach(asker, lead.owner) ? at(lead.due) : end,
      ),
    })),
    ...leads
      .filter(({ owner, due, waiting }) => {
        const isOwn = owner !== null && owner === asker.repId;
        return (isOwn && work.includes(waiting)) || (at(due) < now && inReach(asker, owner));
      })
      .filter(
        (lead) =>
          !(
            (["manager", "queue"].includes(lead.waiting) || lead.owner !== asker.repId) &&
            own.some((task) => task.lead === lead)
          ),
      )
      .map(({ id, due }) => ({ id, at: at(due) })),
  ]);
}

test.each(Object.entries(askers))("the queue of %s, page by page", async (_, asker) => {
  const seen: string[] = [];
  let after: { due: string; id: string } | undefined;
  for (;;) {
    const page = await queueOf(db.pool, asker, { limit: 7, until: now, after });
    seen.push(...page.map(({ id }) => id));
    const last = page.at(-1);
    if (!last) break;
    after = { due: last.place, id: last.id };
  }
  expect(seen, `seed ${seed}`).toEqual(queueByHand(asker));
  expect(seen.length).toBeGreaterThan(10);
});

test.each(Object.entries(askers))("the open tasks of %s, page by page", async (_, asker) => {
  for (const kind of [undefined, "contested"]) {
    const seen: string[] = [];
    let after: { due: string; id: string } | undefined;
    for (;;) {
      const page = await listTasks(db.pool, asker, { state: "open", kind }, { limit: 5, after });
      seen.push(...page.map(({ id }) => id));
      const last = page.at(-1);
      if (!last) break;
      after = { due: last.place, id: last.id };
    }
    const expected = tasks
      .filter((task) => sees(asker, task) && (kind === undefined || task.kind === kind))
      .map(({ id, due }) => ({ id, at: at(due) }));
    expect(seen, `seed ${seed}`).toEqual(inOrder(expected));
  }
});

test("an open task knows its lead whatever is written; past that the recount finds it", async () => {
  await recountAll(db.pool, now);
  expect((await recountAll(db.pool, now)).differences).toBe(0);
  const [task] = tasks as [Task];
  await db.pool.query(sql`update task set state = 'done' where id = ${task.id}`);
  await db.pool.query(sql`
    update process set owner_id = 'rp_3', due_at = now() where subject_id = ${task.lead.id}`);
  await db.pool.query(sql`update task set state = 'open' where id = ${task.id}`);
  expect((await recountAll(db.pool, now)).differences).toBe(0);
  await db.pool.query(sql`update task set lead_owner_id = 'rp_1' where id = ${task.id}`);
  expect((await recountAll(db.pool, now)).detail).toEqual([
    { what: "tasks", of: task.id, kept: 1, counted: 0 },
  ]);
  expect((await recountAll(db.pool, now)).differences).toBe(0);
});

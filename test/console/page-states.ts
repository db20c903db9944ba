import { pauseConnection } from "../../store/effects/connections.ts";
import { sql } from "../../store/postgres/db.ts";
import { enqueue, leadSignal } from "../../store/postgres/outbox.ts";
import { openTask } from "../../store/process/human-tasks.ts";
import type { LoginWish } from "../../store/access/logins.ts";
import type { PeopleWorld } from "../support/people-world.ts";
import type { State } from "./states.ts";

const minute = 60_000;
/** So that no minute is over while a page is looked at. */
const half = minute / 2;
const rep: LoginWish = { role: "rep", repId: "rp_one" };
const boss: LoginWish = { role: "manager", repId: "rp_boss" };
const operator: LoginWish = { role: "operator" };

/** The pages of leads and tasks in the states that somebody meets. */
export const pageStates: readonly State[] = [
  { name: "queue-empty", person: rep, seed: () => Promise.resolve("/console/queue") },
  { name: "queue", person: rep, seed: then(busy, () => "/console/queue") },
  {
    name: "queue-fifty",
    person: rep,
    seed: async (world) => {
      for (let n = 0; n < 60; n++)
        await world.lead("rp_one", { dueAt: world.now() + (n - 3) * 17 * minute + half });
      return "/console/queue";
    },
  },
  { name: "queue-manager", person: boss, seed: then(busy, () => "/console/queue") },
  { name: "queue-nameless", person: boss, seed: then(nameless, () => "/console/queue") },
  { name: "queue-done", person: rep, seed: then(busy, done) },
  { name: "lead", person: rep, seed: then(busy, ([id]) => `/console/leads/${id}?from=queue`) },
  { name: "lead-of-manager", person: boss, seed: then(busy, ([id]) => `/console/leads/${id}`) },
  { name: "lead-clocks", person: rep, seed: then(withClocks, ([id]) => `/console/leads/${id}`) },
  { name: "lead-hostile", person: rep, seed: then(busy, (ids) => `/console/leads/${ids[5]}`) },
  {
    name: "lead-late",
    person: rep,
    seed: then(busy, ([id]) => `/console/leads/${id}`),
    // As if it were another offer than the one that stands.
    sent: { round: "7", key: "0123456789abcdef0123456789abcdef" },
    status: 409,
  },
  {
    name: "lead-closed",
    person: operator,
    seed: async (world) => {
      const id = await world.lead(null, { stage: "disqualified", waitingOn: "nothing" });
      await world.pool.query(sql`update process set queue = null, next_step = null,
        next_at = null, due_at = null where subject_id = ${id}`);
      return `/console/leads/${id}`;
    },
  },
  {
    name: "lead-erased",
    person: operator,
    seed: async (world) => {
      const id = await world.lead("rp_one");
      await world.pool.query(sql`update lead set facts = '{}', email = null,
        erased_at = ${new Date(world.now())} where id = ${id}`);
      return `/console/leads/${id}`;
    },
  },
  { name: "reject", person: rep, seed: then(busy, ([id]) => `/console/leads/${id}/reject`) },
  {
    name: "reject-refused",
    person: rep,
    seed: then(busy, ([id]) => `/console/leads/${id}/reject`),
    sent: { reason: "dated-timing", revisitOn: "2026-01-01" },
    status: 422,
  },
  { name: "log", person: rep, seed: then(busy, ([id]) => `/console/leads/${id}/outreach`) },
  { name: "hand-back", person: rep, seed: then(busy, ([id]) => `/console/leads/${id}/hand-back`) },
  { name: "pause", person: rep, seed: then(busy, ([id]) => `/console/leads/${id}/pause`) },
  { name: "give", person: boss, seed: then(busy, ([id]) => `/console/leads/${id}/reassign`) },
  {
    name: "advance",
    person: rep,
    seed: async (world) => {
      const id = await world.lead("rp_one", { stage: "sql", waitingOn: "opportunity" });
      return `/console/leads/${id}/advance`;
    },
  },
  { name: "facts", person: operator, seed: then(busy, ([id]) => `/console/leads/${id}/facts`) },
  {
    name: "facts-refused",
    person: operator,
    seed: then(busy, ([id]) => `/console/leads/${id}/facts`),
    sent: { "fact:account.employees": "many" },
    status: 422,
  },
  { name: "tasks-empty", person: rep, seed: () => Promise.resolve("/console/tasks") },
  { name: "tasks", person: operator, seed: then(busy, () => "/console/tasks") },
  { name: "board-quiet", person: boss, seed: () => Promise.resolve("/console/board") },
  { name: "board", person: boss, seed: then(busy, () => "/console/board") },
  { name: "board-list", person: boss, seed: then(busy, () => "/console/board/breached") },
  { name: "leads", person: operator, seed: then(busy, () => "/console/leads") },
  { name: "leads-none", person: operator, seed: () => Promise.resolve("/console/leads?q=nobody") },
  { name: "system", person: operator, seed: then(troubled, () => "/console/system") },
];

/** Late processes, a backlog, and an outside system that is paused. */
async function troubled(world: PeopleWorld): Promise<string[]> {
  const ids = await busy(world);
  const now = world.now();
  await world.pool.query(sql`
    update process set step = 4, next_at = ${new Date(now - 75 * minute)}
    where subject_id = any(${ids.slice(0, 2)}::text[])`);
  const telling = leadSignal(ids[0] ?? "", "signal", "engaged", { id: "a" }, 1);
  await enqueue(world.pool, telling, now - 5 * minute);
  const pause = { name: "smtp", until: now + minute, reason: "421 4.3.2 <try> later" };
  await pauseConnection(world.pool, pause, now, () => Promise.resolve());
  return ids;
}

function then(
  seed: (world: PeopleWorld) => Promise<string[]>,
  path: (ids: string[]) => string,
): State["seed"] {
  return async (world) => path(await seed(world));
}

function done([first, next]: string[]): string {
  return `/console/queue?at=${next}&did=accept&to=${first}`;
}

const names = [
  "Aaliyah Vance",
  "Jörg Müller",
  "Ngozi Okafor",
  "Tomás Herrera",
  "Wei Zhang",
  "O'Brien & Sons <b>bold</b>",
  "\u202egnorw",
  "Wolfeschlegelsteinhausenbergerdorff".repeat(9).slice(0, 300),
];
const dues = [-18, 16, 50, 101, 300, 1_600, 4_000, 9_000];

/** A day's work of one rep: late, soon, later, hostile names, a contest, tasks, a held one. */
async function busy(world: PeopleWorld): Promise<string[]> {
  const now = world.now();
  await world.pool.query(
    sql`insert into account (id, domain, facts, created_at) values ('ac_1', 'northwind.example',
      ${JSON.stringify({ "account.name": known("Northwind Labs"), "account.employees": known(900) })}, ${new Date(now)})`,
  );
  const ids: string[] = [];
  for (const [n, name] of names.entries()) {
    const id = await world.lead("rp_one", {
      dueAt: now + (dues[n] ?? 0) * minute + half,
      waitingOn: n % 2 === 0 ? "outreach" : "answer",
    });
    ids.push(id);
    const facts = {
      "lead.name": known(name),
      "lead.title": known("VP Operations"),
      "lead.phone": known("+1 555 0100"),
    };
    await world.pool.query(sql`update lead set account_id = 'ac_1',
      facts = facts || ${JSON.stringify(facts)}::jsonb where id = ${id}`);
  }
  const contested = await world.lead("rp_boss", {
    waitingOn: "manager",
    dueAt: now + 90 * minute + half,
  });
  const held = await world.lead(null, { waitingOn: "hold", queue: "americas-sdr" });
  await world.pool.query(sql`update handoff set pool = 'americas-sdr' where subject_id = ${held}`);
  const task = { role: "manager", assigneeId: "rp_boss", dueAt: now + 90 * minute + half };
  await openTask(
    world.pool,
    {
      ...task,
      kind: "contested",
      subject: { kind: "lead", id: contested },
      detail: { reason: "below-company-size", by: "rp_one" },
    },
    now,
  );
  await openTask(
    world.pool,
    {
      kind: "fix-data",
      subject: { kind: "lead", id: ids[4]! },
      role: "rep",
      assigneeId: "rp_one",
      dueAt: now + 40 * minute + half,
      detail: { missing: [{ field: "lead.role", expected: "text" }] },
    },
    now,
  );
  await openTask(
    world.pool,
    // Not of the same moment as the other, so that one always comes first.
    {
      ...task,
      kind: "stalled",
      subject: { kind: "lead", id: ids[3]! },
      dueAt: now + 100 * minute + half,
    },
    now,
  );
  return ids;
}

/** Of one lead the name is unknown, of another its address too. */
async function nameless(world: PeopleWorld): Promise<string[]> {
  const ids = await busy(world);
  await world.pool.query(sql`update lead set facts = facts - 'lead.name' - 'lead.firstName'
    - 'lead.lastName' where id = any(${ids.slice(0, 2)}::text[])`);
  await world.pool.query(sql`update lead set facts = facts - 'lead.email', email = null
    where id = ${ids[1]}`);
  return ids;
}

/** A lead whose clock ran, stood still, and runs. */
async function withClocks(world: PeopleWorld): Promise<string[]> {
  const ids = await busy(world);
  const [lead] = ids;
  const now = world.now();
  const hours = {
    from: "agreement",
    minus: [],
    hours: { zone: "America/New_York", week: { fri: ["09:00-17:00"], mon: ["09:00-17:00"] } },
  };
  await world.pool.query(sql`insert into calendar_version (id, definition, tz_version, created_at)
    values ('cal_state', ${JSON.stringify(hours)}, 'x', ${new Date(now)})`);
  const started = new Date("2026-11-20T21:55:00Z");
  for (const [scope, round] of [
    ["lead", 0],
    ["rep", 1],
  ] as const) {
    const target = { kind: "business", ms: 60 * minute };
    const { rows } = await world.pool.query(sql`
      insert into clock (id, handoff_id, kind, scope, round, rep_id, target, calendar_id,
        started_at, state)
      select handoff_id || ${`/outreach/${scope}`}, handoff_id, 'outreach', ${scope}, ${round},
        ${scope === "rep" ? "rp_one" : null}, ${JSON.stringify(target)}, 'cal_state', ${started},
        'running' from process where subject_id = ${lead} returning id`);
    await world.pool.query(sql`
      insert into clock_event (clock_id, n, kind, at, detail, tz_version) values (${rows[0].id}, 0,
        'start', ${started}, ${JSON.stringify({ target, calendar: "cal_state" })}, 'x')`);
  }
  return ids;
}

function known(value: unknown) {
  return { value, from: "form", at: "2026-11-20T21:54:00Z" };
}

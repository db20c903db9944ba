import { beforeEach, expect, test } from "vitest";
import { seedIfEmpty } from "../../agreement/seed.ts";
import { writeSampleCompany } from "../../cli/sample-company.ts";
import { patternNames } from "../../sample/patterns.ts";
import { activate } from "../../store/process/agreements.ts";
import { inTransaction } from "../../store/postgres/db.ts";
import { withDatabase } from "../support/database.ts";
import { edited } from "../support/example-agreement.ts";
import { insertLead } from "../support/lead-rows.ts";

/** Nothing real is mixed with a sample. */
const tables = ["lead", "account", "process", "transition", "agreement_version", "rep", "pool"];
const db = withDatabase({ empties: [...tables, "outbox", "handoff"] });
const now = Date.parse("2026-11-20T10:30:00Z");
const options = { leads: 20, months: 12, seed: 7, plant: patternNames };

beforeEach(async () => {
  await seedIfEmpty(db.pool, now);
});

async function counted(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const table of [...tables, "outbox", "handoff", "clock", "answer", "engagement"]) {
    const { rows } = await db.pool.query<{ n: number }>(`select count(*)::int as n from ${table}`);
    found[table] = rows[0]?.n ?? 0;
  }
  return found;
}

async function refused(): Promise<string> {
  const before = await counted();
  const message = await writeSampleCompany(db.pool, options, now).then(
    () => "it was written",
    (error: Error) => error.message,
  );
  expect(await counted()).toEqual(before);
  return message;
}

test("one lead is enough to refuse", async () => {
  await insertLead(db.pool, new Date(now), { id: "ld_1", next_step: "something" });
  expect(await refused()).toContain("it holds leads");
});

test("an agreement of somebody's own is not retired", async () => {
  const text = edited(["name: Inbound and account-based handoff", "name: Ours"]);
  const { id } = await inTransaction(db.pool, (tx) => activate(tx, text, "rp_revops", now));
  expect(await refused()).toContain(`it holds an agreement of its own (${id})`);
});

test("a roster of somebody's own gets nobody else's people", async () => {
  await db.pool.query(
    "insert into rep (id, name, email, updated_at) values ('rp_own', 'o', 'o@team.example', now())",
  );
  expect(await refused()).toContain("it holds a roster of its own (rp_own)");
});

test("a second sample is refused and changes nothing", async () => {
  await writeSampleCompany(db.pool, options, now);
  expect(await refused()).toContain(
    "No sample is written into this database: it holds leads. A sample is for an empty installation",
  );
});

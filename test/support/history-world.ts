import { beforeAll, beforeEach } from "vitest";
import { checkHeader, parseHistoryMap } from "../../agreement/import-map.ts";
import { inTransaction } from "../../store/postgres/db.ts";
import { activate, createAgreements } from "../../store/process/agreements.ts";
import { rosterByName } from "../../store/intake/history.ts";
import { runImport, type ImportFile } from "../../store/intake/run-import.ts";
import { withDatabase } from "./database.ts";
import { exampleAgreement, exampleText } from "./example-agreement.ts";
import { fileOf } from "./import-files.ts";
import { pastCsv, pastMap } from "./past-handoffs.ts";

/** The instant at which these tests tell of the past. */
export const now = Date.parse("2026-11-20T12:00:00Z");
export const agreement = exampleAgreement();
export const agreements = createAgreements(() => agreement);

/**
 * A database with a roster and an active agreement, into which a test imports handoffs of the
 * past; empty again before each test.
 */
export function historyWorld() {
  const db = withDatabase({
    empties: [
      "lead",
      "process",
      "account",
      "outbox",
      "transition",
      "handoff",
      "opportunity",
      "engagement",
      "decision",
      "import",
      "erased_person",
    ],
  });
  beforeAll(async () => {
    await inTransaction(db.pool, (tx) => activate(tx, exampleText, "test", now));
    await db.pool.query(`
      insert into rep (id, name, email, manager_id, active, crm_id, updated_at) values
        ('rp_boss', 'Boss', 'boss@team.example', null, true, null, now()),
        ('rp_a', 'Rep a', 'a@team.example', 'rp_boss', true, '7001', now()),
        ('rp_b', 'Rep b', 'b@team.example', null, true, null, now()),
        ('rp_c', 'Rep c', 'c@team.example', null, false, null, now()),
        ('rp_d', 'Rep twice', 'd@team.example', null, true, null, now()),
        ('rp_e', 'Rep twice', 'e@team.example', null, true, null, now())`);
  });
  beforeEach(async () => {
    await db.pool.query("update tallied set until = '-infinity'");
  });

  async function wish(file: ImportFile, map = pastMap) {
    const parsed = parseHistoryMap(map, agreement);
    if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join("; "));
    const history = { ownerOf: await rosterByName(db.pool), agreements };
    return { file, map: parsed.map, agreement, checkHeader, clock: () => now, history };
  }
  const run = async (content: string, map = pastMap) =>
    runImport(db.pool, await wish(fileOf(content), map));
  const all = async (query: string) =>
    (await db.pool.query(query)).rows as Record<string, unknown>[];
  const count = async (table: string) =>
    Number((await all(`select count(*) as n from ${table}`))[0]?.["n"]);

  /** Everything that an import leaves, without ids, which are random, and without its own times. */
  async function endState(): Promise<string> {
    const found = await all(`
      select (select value from lead_alias a where a.lead_id = l.id and kind = 'external') as name,
        l.arrived_at, l.facts, l.source, p.stage, p.stage_since, p.owner_id, p.cycle, p.step,
        p.closed_reason, p.origin,
        (select jsonb_agg(to_jsonb(h) - 'id' - 'subject_id' order by cycle) from handoff h
          where h.subject_id = l.id) as handoffs,
        (select jsonb_agg(to_jsonb(t) - 'subject_id' order by cycle, step) from transition t
          where t.subject_id = l.id) as moves,
        (select jsonb_agg(to_jsonb(a) - 'id' - 'handoff_id' order by received_at, kind)
          from answer a
          join handoff h on h.id = a.handoff_id where h.subject_id = l.id) as answers,
        (select jsonb_agg(to_jsonb(s) - 'opportunity_id' order by happened_at, s.stage)
          from opportunity_stage s join opportunity o on o.id = s.opportunity_id
          where o.lead_id = l.id) as opportunities
      from lead l join process p on p.subject_id = l.id order by 1`);
    return JSON.stringify(found);
  }

  return { db, wish, run, all, count, endState };
}

/** The names of the columns. */
export const header = pastCsv([]).trim();
/** A row by the columns of the generated file; what is not named is empty. */
export function line(cells: Readonly<Record<string, string>>): string {
  return header
    .split(",")
    .map((name) => cells[name] ?? "")
    .join(",");
}
/** A handoff that was won. */
export const won = {
  Id: "P-1",
  Owner: "rp_a",
  Outcome: "won",
  mql: "2025-03-01",
  handedOff: "2025-03-02",
  sal: "2025-03-03",
  sql: "2025-03-04",
  opportunity: "2025-03-05",
  end: "2025-04-01",
  Amount: "10",
};
/** A handoff that sales rejected. */
export const rejected = {
  Id: "P-1",
  Owner: "7001",
  Outcome: "rejected",
  Reason: "wrong-role",
  mql: "2025-03-01",
  handedOff: "2025-03-02",
  end: "2025-03-05",
};

import { expect, test } from "vitest";
import { inTransaction, rows, sql } from "../../../store/postgres/db.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { conservation } from "../../../store/reports/conservation.ts";
import { reports } from "../../../store/reports/registry.ts";
import type { ReportAsk } from "../../../store/reports/report.ts";
import { withDatabase } from "../../support/database.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const db = withDatabase();
const agreements = createAgreements(() => exampleAgreement());
const now = Date.parse("2026-11-20T12:00:00Z");
const question = {
  from: now - 91 * 86_400_000,
  to: now,
  asOf: now,
  knowledge: "then",
  filters: {},
  groupBy: null,
  repIds: null,
} as const;

/** The kinds of locks on tables and rows that a work holds when it is done. */
const locksOf = (work: (ask: ReportAsk) => Promise<unknown>): Promise<string[]> =>
  inTransaction(
    db.pool,
    async (tx) => {
      await work({ ...question, db: tx, agreements });
      const held = await rows<{ mode: string }>(
        tx,
        sql`select distinct mode from pg_locks where pid = pg_backend_pid() and relation is not null
          and relation <> 'pg_locks'::regclass order by mode`,
      );
      return held.map(({ mode }) => mode);
    },
    "rollback",
  );

test.each([
  ...reports.map(({ name, rows: work }) => [name, work] as const),
  ["conservation", (ask: ReportAsk) => conservation(ask.db, ask, null, null)] as const,
])("%s holds no lock that a decision waits for", async (_, work) => {
  expect(await locksOf(work)).toEqual(["AccessShareLock"]);
});

test("a lock that others would wait for is seen", async () => {
  expect(await locksOf(({ db: tx }) => tx.query("select from tallied for update"))).toContain(
    "RowShareLock",
  );
});

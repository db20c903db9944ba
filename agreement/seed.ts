import { readFile } from "node:fs/promises";
import { activate } from "../store/agreements.ts";
import { firstRow, inTransaction, sql, type Pool } from "../store/db.ts";
import { putAbsences, putPools, putReps } from "../store/roster.ts";
import { parseAgreement, printProblem } from "./parse.ts";
import { parseRoster } from "./roster.ts";

/**
 * Gives an empty system something to run on: the example agreement when no version was ever stored, the example roster
 * when there is nobody and no pool. What is there is never touched. Two that start at once load it once. Throws when
 * an example does not parse: they are ours.
 */
export async function seedIfEmpty(
  pool: Pool,
  now: number = Date.now(),
): Promise<{ agreement: boolean; roster: boolean }> {
  return inTransaction(pool, async (tx) => {
    await tx.query("select pg_advisory_xact_lock(hashtext('first data'))");
    const agreement = !(await firstRow(tx, sql`select from agreement_version limit 1`));
    if (agreement)
      await activate(
        tx,
        await exampleAgreement(),
        "baton",
        now,
        "the example that comes with Baton",
      );
    const roster = !(await firstRow(tx, sql`select from rep union all select from pool limit 1`));
    if (roster) {
      const { reps, pools, absences } = await exampleRoster();
      await putReps(tx, reps, now);
      await putPools(tx, pools, now);
      await putAbsences(tx, absences, now);
    }
    return { agreement, roster };
  });
}

async function exampleAgreement(): Promise<string> {
  const text = await readFile(new URL("example.yaml", import.meta.url), "utf8");
  const parsed = parseAgreement(text);
  if (!parsed.ok)
    throw new Error(
      `agreement/example.yaml does not parse: ${parsed.problems.map(printProblem).join("; ")}`,
    );
  return text;
}

async function exampleRoster() {
  const parsed = parseRoster(await readFile(new URL("roster.yaml", import.meta.url), "utf8"));
  if (!parsed.ok)
    throw new Error(
      `agreement/roster.yaml does not parse: ${parsed.problems.map(printProblem).join("; ")}`,
    );
  return parsed.roster;
}

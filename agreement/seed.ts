import { readFile } from "node:fs/promises";
import { activate } from "../store/process/agreements.ts";
import { missingFirstData } from "../store/process/first-data.ts";
import { inTransaction, type Pool } from "../store/postgres/db.ts";
import { editRoster } from "../store/routing/roster-edit.ts";
import { parseAgreement, printProblem } from "./parse.ts";
import { parseRoster } from "./roster.ts";

/**
 * Loads the examples into an empty system: the agreement when no version was ever stored, the
 * roster when there is no rep and no pool. Existing data is never touched. Concurrent starts load
 * it once. Throws when an example does not parse, which is a bug.
 */
export async function seedIfEmpty(
  pool: Pool,
  now: number = Date.now(),
): Promise<{ agreement: boolean; roster: boolean }> {
  return inTransaction(pool, async (tx) => {
    const missing = await missingFirstData(tx);
    if (missing.agreement)
      await activate(
        tx,
        await exampleAgreement(),
        "baton",
        now,
        "the example that comes with Baton",
      );
    if (missing.roster) await editRoster(tx, await exampleRoster(), now);
    return missing;
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

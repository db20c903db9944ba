import { parseAgreement } from "../../agreement/parse.ts";
import { missingPools } from "../../agreement/roster.ts";
import { agreementOf } from "../../agreement/stored.ts";
import { signaturesNeeded } from "../../handoff/governance/signers.ts";
import { makePlan, PlanCancelled, type ReadVersion } from "../../store/governance/make-plan.ts";
import {
  failPlan,
  keepPlan,
  noteProgress,
  planToMake,
  type PlanRun,
} from "../../store/governance/plans.ts";
import { inTransaction, openPool, readAtOnce } from "../../store/postgres/db.ts";
import { databaseTrouble } from "../../store/postgres/trouble.ts";
import { createAgreements, type StoredVersion } from "../../store/process/agreements.ts";

/** What the thread is given: which plan to make, and where the database is. */
export interface PlanWork {
  readonly url: string;
  readonly run: PlanRun;
}

/** So long a statement over a page of leads may take; nobody waits for it. */
const statementMs = 60_000;
/** And a connection of a busy server. */
const connectMs = 20_000;

/**
 * Makes one plan on connections of its own: all that it reads is of one moment, its progress and
 * whether it is still wanted go over the other one. A failure is noted where people see it.
 */
export async function planOnce({ url, run }: PlanWork): Promise<void> {
  const pool = openPool(url, {
    max: 2,
    statementTimeoutMs: statementMs,
    connectTimeoutMs: connectMs,
  });
  try {
    const asked = await planToMake(pool, run);
    if (!asked) return;
    const [version, active] = [readVersion(asked.version), readVersion(asked.against)];
    const agreements = createAgreements(agreementOf);
    const plan = await readAtOnce(pool, (db) =>
      makePlan({
        db,
        active,
        version,
        agreementOf: async (id) => (await agreements.version(db, id)).agreement,
        now: run.now,
        missingPools: ({ pools }) =>
          missingPools(version.agreement, { pools: Object.values(pools) }),
        progress: (done, of) => noteProgress(pool, run, done, of),
      }),
    );
    const needed = signaturesNeeded(active.agreement, version.agreement);
    await inTransaction(pool, (tx) => keepPlan(tx, run, plan, needed));
  } catch (error) {
    if (!(error instanceof PlanCancelled)) await noteFailure(pool, run, error);
  } finally {
    await pool.end();
  }
}

function readVersion({ id, content }: StoredVersion): ReadVersion {
  const parsed = parseAgreement(content);
  if (!parsed.ok) throw new Error(`version ${id} does not parse`);
  return { id, agreement: parsed.agreement, warnings: parsed.warnings };
}

/** Names of errors and codes of Postgres only: their messages may quote what was read. */
async function noteFailure(
  pool: Parameters<typeof failPlan>[0],
  run: PlanRun,
  error: unknown,
): Promise<void> {
  const { code } = error as { code?: unknown };
  const name = error instanceof Error ? error.name : "error";
  const said = typeof code === "string" ? `${name} ${code}` : name;
  await failPlan(pool, run, databaseTrouble(error) ?? said);
}

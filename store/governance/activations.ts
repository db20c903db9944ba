import { termsOf } from "../../handoff/clocks/terms.ts";
import type { Treatment } from "../../handoff/governance/treatment.ts";
import type { Subject } from "../../handoff/process/words.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { CrashHook } from "../postgres/crash-point.ts";
import { firstRow, isAway, rows, sql, type Db, type Pool, type Tx } from "../postgres/db.ts";
import { enqueue } from "../postgres/outbox.ts";
import type { Agreements } from "../process/agreements.ts";
import { takeRejudging } from "../process/take.ts";

/** How a version was activated, and how far its workflow is. */
export interface Activation {
  readonly treatment: Treatment;
  /** Open handoffs that were looked at. */
  readonly looked: number;
  /** `superseded`: another version became active before all were looked at. */
  readonly state: "going on" | "over" | "superseded";
}

/** The workflow of a version's activation; as in `workflows/contract.ts`, which may not be loaded. */
function workflowOf(versionId: string): string {
  return `agreement/${versionId}`;
}

/** Writes down what happens to open handoffs, and has it begun; in the activating transaction. */
export async function beginActivation(
  tx: Tx,
  versionId: string,
  { treatment, by }: { readonly treatment: Treatment; readonly by: string },
  now: Instant,
): Promise<void> {
  const isOver = treatment === "keep";
  await tx.query(sql`
    insert into agreement_activation (version_id, treatment, asked_by, asked_at, ended_at, ended_why)
    values (${versionId}, ${treatment}, ${by}, ${new Date(now)},
      ${isOver ? new Date(now) : null}, ${isOver ? "over" : null})`);
  if (isOver) return;
  const start = { kind: "start" as const, workflowId: workflowOf(versionId) };
  const payload = { versionId };
  await enqueue(tx, { ...start, lane: 1, message: "rejudgeClocks", payload }, now);
}

/** How a version was activated; undefined for one that was published, or never was. */
export async function activationOf(db: Db, versionId: string): Promise<Activation | undefined> {
  return firstRow<Activation>(
    db,
    sql`
    select treatment, looked, coalesce(ended_why, 'going on') as state
    from agreement_activation where version_id = ${versionId}`,
  );
}

/** What one page of an activation came to. */
export interface ActivationPage extends Activation {
  readonly isOver: boolean;
  /** Leads and accounts about which nothing could be decided now; they are tried again. */
  readonly failed: number;
}

const pageSize = 100;

/**
 * Re-judges the clocks of the next open handoffs, each in a transaction of its own under the lock of
 * its process, once for each version: a page that is asked for again finds what is done already. It
 * is over when a look at all of them finds none that is left, and superseded when another version
 * became active.
 */
export async function rejudgeNext(
  deps: {
    readonly pool: Pool;
    readonly agreements: Agreements;
    readonly crashPoint?: CrashHook | undefined;
  },
  versionId: string,
  now: Instant,
): Promise<ActivationPage> {
  const { pool, agreements } = deps;
  const at = await firstRow<{ after_id: string; state: string; ended: boolean }>(
    pool,
    sql`
    select a.after_id, v.state, a.ended_at is not null as ended
    from agreement_activation a join agreement_version v on v.id = a.version_id
    where a.version_id = ${versionId}`,
  );
  if (!at) throw new Error(`version ${versionId} was not activated`);
  if (at.ended) return pageOf(pool, versionId);
  if (at.state !== "active") return end(pool, versionId, "superseded", now);
  const version = await agreements.version(pool, versionId);
  const found = await openUnder(pool, versionId, at.after_id);
  // One that was opened by the version before, while this one became active, lies anywhere.
  if (found.length === 0 && at.after_id === "") return end(pool, versionId, "over", now);
  let failed = 0;
  for (const { subject } of found) {
    const ask = { subject, key: keyOf(versionId), now, by: "elsewhere" as const };
    try {
      await takeRejudging(deps, ask, {
        agreementId: versionId,
        hoursBy: version.agreement,
        termsOf: (handoff) => termsOf(version.agreement, versionId, handoff),
        note: (tx) => countLooked(tx, versionId),
      });
    } catch (error) {
      // What is broken about one keeps no other one from its clocks.
      if (isAway(error)) throw error;
      failed++;
    }
    deps.crashPoint?.("decision-committed");
  }
  await pool.query(sql`
    update agreement_activation set after_id = ${found.at(-1)?.handoffId ?? ""}
    where version_id = ${versionId} and after_id = ${at.after_id} and ended_at is null`);
  return { ...(await pageOf(pool, versionId)), failed };
}

/** In the transaction of the decision: looked at twice it is counted once. */
async function countLooked(tx: Tx, versionId: string): Promise<void> {
  await tx.query(sql`
    update agreement_activation set looked = looked + 1 where version_id = ${versionId}`);
}

function keyOf(versionId: string): string {
  return `rejudge/${versionId}`;
}

/** Open handoffs of leads and accounts under other versions, not looked at yet, in order after an id. */
function openUnder(
  db: Db,
  versionId: string,
  after: string,
): Promise<{ handoffId: string; subject: Subject }[]> {
  return rows(
    db,
    sql`
    select h.id as "handoffId",
      json_build_object('kind', h.subject_kind, 'id', h.subject_id) as subject
    from handoff h
    where h.state = 'open' and h.subject_kind in ('lead', 'account')
      and h.agreement_id <> ${versionId} and h.id > ${after} and not exists (select from decision d
        where d.subject_kind = h.subject_kind and d.subject_id = h.subject_id
          and d.key = ${keyOf(versionId)})
    order by h.id limit ${pageSize}`,
  );
}

async function end(
  pool: Pool,
  versionId: string,
  why: "over" | "superseded",
  now: Instant,
): Promise<ActivationPage> {
  await pool.query(sql`
    update agreement_activation set ended_at = ${new Date(now)}, ended_why = ${why}
    where version_id = ${versionId} and ended_at is null`);
  return pageOf(pool, versionId);
}

async function pageOf(db: Db, versionId: string): Promise<ActivationPage> {
  const activation = await activationOf(db, versionId);
  if (!activation) throw new Error(`version ${versionId} was not activated`);
  return { ...activation, isOver: activation.state !== "going on", failed: 0 };
}

import { createHash, randomUUID } from "node:crypto";
import type { SignaturesNeeded } from "../../handoff/governance/signers.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { audit } from "../postgres/audit.ts";
import { firstRow, sql, type Db, type Tx } from "../postgres/db.ts";
import {
  activeVersion,
  lockAgreement,
  storedVersion,
  type StoredVersion,
} from "../process/agreements.ts";
import type { VersionPlan } from "./make-plan.ts";
import { askForSignatures } from "./signed-versions.ts";

/** How the making of a plan stands. */
export interface Planning {
  readonly state: "making" | "made" | "cancelled" | "failed" | "stopped";
  readonly done: number;
  readonly of: number | null;
  /** Why it failed, in words. */
  readonly failure: string | null;
}

/** A plan that was made, and whether it still says something. */
export interface MadePlan {
  readonly plan: VersionPlan;
  readonly hash: string;
  readonly madeAt: Date;
  /** Another version became active since: it must be made again. */
  readonly isOutOfDate: boolean;
}

/** A run that was begun: whoever makes the plan says this id with each word. */
export interface PlanRun {
  readonly versionId: string;
  readonly run: string;
  readonly now: Instant;
}

/** A run that says nothing for so long was lost with its process. */
const silentMs = 60_000;

/**
 * Begins the making of a version's plan. Nothing is begun where the plan that stands is of today's
 * active version, or where it is being made: then `run` is null. Call it inside a transaction.
 */
export async function beginPlan(
  tx: Tx,
  id: string,
  by: string,
  now: Instant,
): Promise<
  | { readonly run: PlanRun | null }
  | { readonly why: "state"; readonly state: StoredVersion["state"] }
> {
  await lockAgreement(tx);
  const version = await storedVersion(tx, id);
  if (!version) throw new Error(`there is no agreement version ${id}`);
  if (version.state !== "proposed" && version.state !== "signed")
    return { why: "state", state: version.state };
  const active = await activeVersion(tx);
  if (!active) throw new Error("there is no active agreement to plan against");
  const [planning, made] = [await planningOf(tx, id), await madePlan(tx, id)];
  if (planning?.state === "making" || (made && !made.isOutOfDate)) return { run: null };
  const run = randomUUID();
  await tx.query(sql`
    insert into agreement_plan (version_id, run, run_state, run_against, run_now, beat_at)
    values (${id}, ${run}, 'making', ${active.id}, ${new Date(now)}, clock_timestamp())
    on conflict (version_id) do update set run = excluded.run, run_state = 'making',
      run_against = excluded.run_against, run_now = excluded.run_now, done = 0, of = null,
      beat_at = excluded.beat_at, failure = null`);
  const detail = { against: active.id, run };
  await audit(tx, { actor: by, what: "agreement.planning", subject: id, detail }, now);
  return { run: { versionId: id, run, now } };
}

/** What the run is about; undefined once it is over or another one makes the plan. */
export async function planToMake(
  db: Db,
  { versionId, run }: PlanRun,
): Promise<{ readonly version: StoredVersion; readonly against: StoredVersion } | undefined> {
  const row = await firstRow<{ against: string }>(
    db,
    sql`
    select run_against as against from agreement_plan where version_id = ${versionId}
      and run = ${run} and run_state = 'making'`,
  );
  const [version, against] = [
    await storedVersion(db, versionId),
    row && (await storedVersion(db, row.against)),
  ];
  return version && against ? { version, against } : undefined;
}

/** The run goes on; false when it was cancelled, or another one makes the plan. */
export async function noteProgress(
  db: Db,
  { versionId, run }: PlanRun,
  done: number,
  of: number,
): Promise<boolean> {
  const { rowCount } = await db.query(sql`
    update agreement_plan set done = ${done}, of = ${of}, beat_at = clock_timestamp()
    where version_id = ${versionId} and run = ${run} and run_state = 'making'`);
  return rowCount === 1;
}

/**
 * Keeps a plan that was made, and asks who has to sign; false when it is not wanted any more.
 * Signatures on an earlier plan count no longer.
 */
export async function keepPlan(
  tx: Tx,
  { versionId, run, now }: PlanRun,
  plan: VersionPlan,
  needed: SignaturesNeeded,
): Promise<boolean> {
  await lockAgreement(tx);
  const version = await storedVersion(tx, versionId);
  if (version?.state !== "proposed" && version?.state !== "signed") return false;
  const planHash = hashOfPlan(version.content_hash, plan);
  const { rowCount } = await tx.query(sql`
    update agreement_plan set plan = ${JSON.stringify(plan)}::jsonb, plan_hash = ${planHash},
      against = run_against, made_at = ${new Date(now)}, run_state = 'made',
      done = coalesce(of, done)
    where version_id = ${versionId} and run = ${run} and run_state = 'making'`);
  if (rowCount !== 1) return false;
  await tx.query(sql`
    update agreement_version set state = 'proposed' where id = ${versionId} and state = 'signed'`);
  await askForSignatures(tx, versionId, { changes: plan.changes, needed, planHash }, now);
  const detail = { against: plan.against, planHash, changes: plan.changes.length };
  await audit(tx, { actor: "baton", what: "agreement.planned", subject: versionId, detail }, now);
  return true;
}

/** The run could not go on. */
export async function failPlan(
  db: Db,
  { versionId, run }: PlanRun,
  failure: string,
): Promise<void> {
  await db.query(sql`
    update agreement_plan set run_state = 'failed', failure = ${failure.slice(0, 300)}
    where version_id = ${versionId} and run = ${run} and run_state = 'making'`);
}

/** Ends a run that goes on, wherever it does; a plan from before stays. False where none goes on. */
export async function cancelPlan(tx: Tx, id: string, by: string, now: Instant): Promise<boolean> {
  const { rowCount } = await tx.query(sql`
    update agreement_plan set run_state = 'cancelled' where version_id = ${id}
      and run_state = 'making'`);
  if (rowCount !== 1) return false;
  await audit(tx, { actor: by, what: "agreement.plan.cancelled", subject: id, detail: {} }, now);
  return true;
}

/** How the making of a version's plan stands; undefined where nobody asked for one. */
export async function planningOf(db: Db, id: string): Promise<Planning | undefined> {
  return firstRow<Planning>(
    db,
    sql`
    select case when run_state = 'making'
        and beat_at < clock_timestamp() - ${silentMs} * interval '1 millisecond'
        then 'stopped' else run_state end as state, done, of, failure
    from agreement_plan where version_id = ${id} and run_state is not null`,
  );
}

/** The plan of a version that stands; undefined where none was made. */
export async function madePlan(db: Db, id: string): Promise<MadePlan | undefined> {
  return firstRow<MadePlan>(
    db,
    sql`
    select plan, plan_hash as hash, made_at as "madeAt",
      against is distinct from (select id from agreement_version where state = 'active')
        and (select state from agreement_version v where v.id = version_id)
          in ('proposed', 'signed') as "isOutOfDate"
    from agreement_plan where version_id = ${id} and plan_hash is not null`,
  );
}

/** Binds a plan to the content that it is about: the same for whatever order keys come back in. */
function hashOfPlan(contentHash: string, plan: VersionPlan): string {
  return createHash("sha256")
    .update(`${contentHash}\n${canonical(plan)}`)
    .digest("hex");
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

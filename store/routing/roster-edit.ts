import type { Instant } from "../../handoff/time/calendar.ts";
import type { RepPool } from "../../handoff/routing/roster.ts";
import { rosterChange, type RosterChange } from "../../handoff/routing/roster-change.ts";
import { firstRow, rows, sql, type Tx } from "../postgres/db.ts";
import { outboxChannel } from "../postgres/outbox.ts";
import { loadRoster, type AbsenceRecord, type RepRecord } from "./roster.ts";
import { writeNamedHours, type NamedHours } from "./named-hours.ts";
import { lockPools } from "./read.ts";
import { releaseHeld } from "./routing.ts";
import { endSessionsOf } from "../access/sessions.ts";
import { revokeTokensOf } from "../access/tokens.ts";

/** Parts of a roster to be put; what is not named stays as it is. */
export interface RosterPart {
  readonly reps?: readonly RepRecord[];
  readonly pools?: readonly RepPool[];
  /** By rep id. */
  readonly absences?: Readonly<Record<string, readonly AbsenceRecord[]>>;
  /** Hours by name, for who looks at the roster as a file. */
  readonly namedHours?: NamedHours;
}

/** What followed from an edit of the roster. */
export interface RosterEdited {
  /** How many leads were told to look again. */
  readonly told: number;
  /** How many leads on hold found somebody at once. */
  readonly released: number;
  /** Tokens of people who left; they work no more. */
  readonly revoked: readonly string[];
  /** Their sessions of the console that ended with that. */
  readonly ended: readonly string[];
}

/**
 * More than these leads on hold are not offered inside the edit: their processes do it, one by one.
 */
const mostReleased = 200;
/** More than these tellings give way to everything else, as those of an import do. */
const mostUrgent = 100;

/**
 * Edits come one after the other, so that each is compared with what it really changed. Who changes a
 * part of what stands locks before reading it. Call inside a transaction.
 */
export async function lockRoster(tx: Tx): Promise<void> {
  await tx.query("select pg_advisory_xact_lock(hashtext('roster'))");
}

/**
 * The one way in which a roster is changed. Call inside a transaction. In the same transaction
 * every lead concerned is told to look again, leads on hold are offered to whoever can take them
 * now, and tokens and sessions of people who left end. Puts people first, so that pools may name them.
 */
export async function editRoster(tx: Tx, part: RosterPart, now: Instant): Promise<RosterEdited> {
  await lockRoster(tx);
  const pools = await poolsOf(tx, part);
  // A pick under way is committed before the edit looks for leads, or sees the roster after it.
  await lockPools(tx, pools);
  const before = await loadRoster(tx);
  if (part.reps) await writeReps(tx, part.reps, now);
  if (part.pools) await writePools(tx, part.pools, now);
  if (part.absences) await writeAbsences(tx, part.absences, now);
  if (part.namedHours) await writeNamedHours(tx, part.namedHours);
  const change = rosterChange(before, await loadRoster(tx));
  const revoked = await revokeTokensOf(tx, change.left, now);
  const ended = await endSessionsOf(tx, change.left, now);
  const holding = await holdingOf(tx, change.holding);
  const most = Math.ceil(mostReleased / Math.max(1, holding.length));
  const released = holding.length === 0 ? [] : await releaseHeld(tx, holding, now, most);
  // The processes of released leads are told by the release.
  const known = released.map(({ subjectId }) => subjectId);
  return {
    told: await tellConcerned(tx, change, known, now),
    released: released.length,
    revoked,
    ended,
  };
}

/**
 * Creates or changes those listed; others stay as they are, for nobody is ever removed: who leaves
 * becomes inactive. Call inside a transaction. A manager must be listed too or exist; `unknownReps`
 * tells before the database does.
 */
export function putReps(tx: Tx, reps: readonly RepRecord[], now: Instant): Promise<RosterEdited> {
  return editRoster(tx, { reps }, now);
}

/**
 * Creates or changes the pools listed; the members of each become exactly those given. Call inside
 * a transaction.
 */
export function putPools(tx: Tx, pools: readonly RepPool[], now: Instant): Promise<RosterEdited> {
  return editRoster(tx, { pools }, now);
}

/**
 * Sets the absences of the reps named: those not over yet are replaced by the ones given, past ones
 * stay, for clocks have counted them. Call inside a transaction.
 */
export function putAbsences(
  tx: Tx,
  absences: Readonly<Record<string, readonly AbsenceRecord[]>>,
  now: Instant,
): Promise<RosterEdited> {
  return editRoster(tx, { absences }, now);
}

/** The pools listed, and those in which the people listed work now. */
async function poolsOf(
  tx: Tx,
  { reps = [], pools = [], absences = {} }: RosterPart,
): Promise<string[]> {
  const people = [...reps.map(({ id }) => id), ...Object.keys(absences)];
  const found = await rows<{ id: string }>(
    tx,
    sql`
    select distinct pool_id as id from pool_member where rep_id = any(${people})`,
  );
  return [...new Set([...found, ...pools].map(({ id }) => id))];
}

/** Those of the pools in which leads are on hold; mostly none. */
async function holdingOf(tx: Tx, pools: readonly string[]): Promise<string[]> {
  const found = await rows<{ pool: string }>(
    tx,
    sql`
    select distinct pool from held where pool = any(${pools}) order by pool`,
  );
  return found.map(({ pool }) => pool);
}

/**
 * Tells, in one statement, the leads and accounts that somebody who came, left or works at other times has or is
 * offered; those with a task of somebody who came, left or reports to somebody else; those whose
 * pool covers other hours or lost their rep; and those on hold where others can take leads now.
 * Nobody else is told. Gives how many.
 */
async function tellConcerned(
  tx: Tx,
  change: RosterChange,
  known: readonly string[],
  now: Instant,
): Promise<number> {
  const { people, named, hours, moved, holding } = change;
  if ([people, named, hours, moved, holding].every((list) => list.length === 0)) return 0;
  const row = await firstRow<{ told: number }>(
    tx,
    sql`
    with affected as (
      select subject_kind, subject_id from process p
        where owner_id = any(${people}::text[]) and stage <> 'disqualified'
        and (stage <> 'opportunity' or exists (select from opportunity o
          where o.lead_id = p.subject_id and o.won_at is null and o.lost_at is null))
      union select subject_kind, subject_id from handoff
        where state = 'open' and rep_id = any(${people}::text[])
      union select h.subject_kind, h.subject_id from assignment a
        join handoff h on h.id = a.handoff_id
        where a.rep_id = any(${people}::text[]) and a.ended_at is null
      union select subject_kind, subject_id from task
        where state = 'open' and assignee_id = any(${named}::text[])
      union select subject_kind, subject_id from handoff
        where state = 'open' and pool = any(${hours}::text[])
      union select h.subject_kind, h.subject_id
        from unnest(${moved.map(({ pool }) => pool)}::text[],
          ${moved.map(({ repId }) => repId)}::text[]) m(pool, rep_id)
        join handoff h on h.pool = m.pool and h.rep_id = m.rep_id
        where h.state = 'open'
      union select h.subject_kind, h.subject_id from held join handoff h on h.id = held.handoff_id
        where h.state = 'open' and held.pool = any(${holding}::text[])
    ),
    concerned as (
      select subject_id, 'lead/' || subject_id as workflow_id from affected
        where subject_kind = 'lead' and subject_id <> all(${known}::text[])
      union all
      select p.subject_id, 'account/' || p.subject_id || '/' || p.cycle from affected
        join process p using (subject_kind, subject_id)
        where subject_kind = 'account' and p.stage not in ('opportunity', 'disqualified')),
    many as (select count(*)::int as told, case when count(*) > ${mostUrgent} then 2
      else 1 end as lane from concerned),
    told as (
      insert into outbox (lane, kind, workflow_id, message, payload, created_at)
      select lane, 'signal', workflow_id, 'rosterChanged',
        jsonb_build_object('id', subject_id), ${new Date(now)}
      from concerned, many order by subject_id)
    select told, case when told > 0 then pg_notify(${outboxChannel}, lane::text) end from many`,
  );
  return row?.told ?? 0;
}

async function writeReps(tx: Tx, reps: readonly RepRecord[], now: Instant): Promise<void> {
  // Two who swap their CRM ids must not meet half-way.
  await tx.query(
    sql`
      update rep set crm_id = null where id = any(${reps.map((one) => one.id)})
        and crm_id is not null`,
  );
  await tx.query(sql`
    insert into rep (id, name, email, role, manager_id, deputy_id, active, hours, languages,
      products, motions, max_open, max_per_day, max_per_hour, crm_id, updated_at)
    select r.id, r.name, r.email, r.role, r."managerId", r."deputyId", r.active, r.hours,
      r.languages, r.products,
      r.motions,
      (r.caps->>'open')::int, (r.caps->>'perDay')::int, (r.caps->>'perHour')::int, r."crmId",
        ${new Date(now)}
    from jsonb_to_recordset(${JSON.stringify(reps)}::jsonb) as r(id text, name text, email text,
      role text, "managerId" text, "deputyId" text, active boolean, hours jsonb,
      languages text[], products text[], motions text[], caps jsonb, "crmId" text)
    on conflict (id) do update
      set name = excluded.name, email = excluded.email, role = excluded.role,
      hours_name = case when rep.hours = excluded.hours then rep.hours_name end,
      manager_id = excluded.manager_id, deputy_id = excluded.deputy_id,
      active = excluded.active, hours = excluded.hours, languages = excluded.languages,
        products = excluded.products, motions = excluded.motions,
      max_open = excluded.max_open, max_per_day = excluded.max_per_day,
        max_per_hour = excluded.max_per_hour, crm_id = excluded.crm_id,
      updated_at = excluded.updated_at`);
}

async function writePools(tx: Tx, pools: readonly RepPool[], now: Instant): Promise<void> {
  const ids = pools.map((pool) => pool.id);
  await tx.query(sql`
    insert into pool (id, hours, updated_at)
    select p.id, p.hours, ${new Date(now)}
      from jsonb_to_recordset(${JSON.stringify(pools)}::jsonb) as p(id text, hours jsonb)
    on conflict (id) do update set hours = excluded.hours, updated_at = excluded.updated_at,
      hours_name = case when pool.hours = excluded.hours then pool.hours_name end`);
  await tx.query(sql`delete from pool_member where pool_id = any(${ids})`);
  const members = pools.flatMap((pool) =>
    Object.entries(pool.members).map(([repId, weight]) => ({ pool: pool.id, repId, weight })),
  );
  await tx.query(sql`
    insert into pool_member (pool_id, rep_id, weight)
    select m.pool, m."repId", m.weight
      from jsonb_to_recordset(${JSON.stringify(members)}::jsonb) as
      m(pool text, "repId" text, weight int)`);
}

async function writeAbsences(
  tx: Tx,
  byRep: Readonly<Record<string, readonly AbsenceRecord[]>>,
  now: Instant,
): Promise<void> {
  // When an absence became known decides what it moves, so entering it again keeps that.
  const before = await rows<{ rep_id: string; from_at: Date; to_at: Date; known_at: Date }>(
    tx,
    sql`delete from absence where rep_id = any(${Object.keys(byRep)}) and to_at > ${new Date(now)}
      returning rep_id, from_at, to_at, known_at`,
  );
  const knownAt = (repId: string, { from, to }: AbsenceRecord) =>
    before
      .find(
        (one) =>
          one.rep_id === repId && one.from_at.getTime() === from && one.to_at.getTime() === to,
      )
      ?.known_at.getTime() ?? now;
  const absences = Object.entries(byRep).flatMap(([repId, list]) =>
    list
      .filter((one) => one.to > now)
      .map((one) => ({ ...one, repId, known: knownAt(repId, one) })),
  );
  await tx.query(sql`
    insert into absence (rep_id, from_at, to_at, reason, deputy_id, known_at)
    select a."repId", to_timestamp(a."from" / 1000.0), to_timestamp(a."to" / 1000.0), a.reason,
      a."deputyId", to_timestamp(a.known / 1000.0)
    from jsonb_to_recordset(${JSON.stringify(absences)}::jsonb) as a("repId" text, "from" bigint,
      "to" bigint, reason text, "deputyId" text, known bigint)`);
}

import type { CalendarDef, Instant } from "../handoff/time/calendar.ts";
import type { Roster } from "../handoff/routing/roster.ts";
import { auditLeavers } from "../store/access/leavers.ts";
import { audit } from "../store/postgres/audit.ts";
import type { Db, Tx } from "../store/postgres/db.ts";
import { loadNamedHours } from "../store/routing/named-hours.ts";
import { editRoster, type RosterEdited } from "../store/routing/roster-edit.ts";
import { listAbsences, listPools, listReps, loadRoster } from "../store/routing/roster.ts";
import type { RosterFile } from "./roster.ts";
import { rosterDocument, sameHours, type StandingRoster } from "./roster-text.ts";

/** Everything that a roster file says, as it stands. */
export async function standingRoster(db: Db): Promise<StandingRoster> {
  return {
    reps: await listReps(db),
    pools: await listPools(db),
    absences: await listAbsences(db),
    namedHours: await loadNamedHours(db),
  };
}

export interface RosterPublished extends RosterEdited {
  /** The roster is not as it was. */
  readonly changed: boolean;
  /** People and pools that the file does not name: they stay as they are. */
  readonly untouched: readonly string[];
}

/**
 * Puts a roster file: people, pools and absences become as it says, and running work is told. Who is
 * not in the file stays as before, for nobody is ever removed. The same file again changes nothing.
 * Call inside a transaction.
 */
export async function publishRoster(
  tx: Tx,
  file: RosterFile,
  actor: string,
  now: Instant,
): Promise<RosterPublished | { readonly taken: readonly CrmIdTaken[] }> {
  const before = await standingRoster(tx);
  const listed = new Set([...file.reps, ...file.pools].map(({ id }) => id));
  const taken = crmIdsTaken(file, before, listed);
  if (taken.length > 0) return { taken };
  const edited = await editRoster(
    tx,
    {
      ...file,
      reps: keepHours(file.reps, before.reps),
      pools: keepHours(file.pools, before.pools),
    },
    now,
  );
  const after = await standingRoster(tx);
  const said = (roster: StandingRoster) => JSON.stringify(rosterDocument(roster, now));
  const changed = said(before) !== said(after);
  if (changed) {
    const detail = { reps: file.reps.length, pools: file.pools.length, told: edited.told };
    await audit(tx, { actor, what: "roster.published", detail }, now);
  }
  await auditLeavers(tx, actor, edited, now);
  const untouched = [...before.reps, ...before.pools].map(({ id }) => id);
  return { ...edited, changed, untouched: untouched.filter((id) => !listed.has(id)) };
}

/** The roster as it would stand with a file put: who is not in the file stays as before. */
export async function rosterWith(db: Db, file: RosterFile): Promise<Roster> {
  const standing = await loadRoster(db);
  const reps = file.reps.map((rep) => [
    rep.id,
    {
      ...rep,
      hours: hoursKept(rep.hours, standing.reps[rep.id]?.hours),
      absences: (file.absences[rep.id] ?? []).map(({ from, to, reason }) => ({ from, to, reason })),
    },
  ]);
  const pools = file.pools.map((pool) => [
    pool.id,
    { ...pool, hours: hoursKept(pool.hours, standing.pools[pool.id]?.hours) },
  ]);
  return {
    reps: { ...standing.reps, ...Object.fromEntries(reps) },
    pools: { ...standing.pools, ...Object.fromEntries(pools) },
  };
}

/** Hours that mean the same stay as they are written. */
function hoursKept(given: CalendarDef | null, standing: CalendarDef | null = null) {
  return sameHours(given, standing) ? standing : given;
}

type WithHours = { readonly id: string; readonly hours: CalendarDef | null };

/** Hours that mean the same stay as they are written: clocks that run on them are left alone. */
function keepHours<T extends WithHours>(given: readonly T[], before: readonly WithHours[]): T[] {
  const standing = new Map(before.map(({ id, hours }) => [id, hours]));
  return given.map((one) => {
    return { ...one, hours: hoursKept(one.hours, standing.get(one.id)) };
  });
}

/** A CRM id of the file that belongs to somebody whom the file does not name. */
export interface CrmIdTaken {
  readonly repId: string;
  readonly of: string;
}

function crmIdsTaken(
  file: RosterFile,
  before: StandingRoster,
  listed: ReadonlySet<string>,
): CrmIdTaken[] {
  const others = before.reps.filter(({ id, crmId }) => crmId !== null && !listed.has(id));
  return file.reps.flatMap(({ id, crmId }) =>
    others.filter((one) => one.crmId === crmId).map((one) => ({ repId: id, of: one.id })),
  );
}

/** What is wrong, in a sentence for people. */
export function takenSentence({ repId, of }: CrmIdTaken): string {
  return (
    `people.${repId}.crmId: expected an id that is free; it belongs to ${of}, who is not in ` +
    "the file"
  );
}

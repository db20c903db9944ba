import type { Instant } from "../../handoff/time/calendar.ts";
import type { Deltas } from "../../handoff/routing/round-robin.ts";
import type { Candidate, RouteInput, Via } from "../../handoff/routing/route.ts";
import { send, sql, type Tx } from "../postgres/db.ts";
import { recorder, withoutFacts, type RosterVersion } from "./record.ts";

/** A handoff given to a rep, or to a queue; one of the two is null. */
export interface NewAssignment {
  readonly handoffId: string;
  readonly round: number;
  readonly repId: string | null;
  readonly queue: string | null;
  readonly pool: string | null;
  readonly via: Via;
  readonly candidates: readonly Candidate[];
  readonly input: RouteInput;
}

/** One line of a pool's credit ledger; deltas sum to 0. */
export interface LedgerEntry {
  readonly pool: string;
  readonly leadType: string;
  readonly kind: "pick" | "reverse" | "leave";
  readonly handoffId: string | null;
  readonly round: number | null;
  readonly winner: string | null;
  readonly deltas: Deltas;
}

/**
 * Writes assignments, appends ledger entries in their order and moves the credits that they change,
 * in one statement while there are few: the pool's lock is held until it is done. The same
 * (handoff, round) twice is an error of the database.
 */
export async function writeTurns(
  tx: Tx,
  assignments: readonly NewAssignment[],
  entries: readonly LedgerEntry[],
  now: Instant,
): Promise<void> {
  // Bounds the size of one statement when a whole weekend is released at once.
  for (let from = 0; from < Math.max(assignments.length, entries.length); from += atMost) {
    const { rows, rosters } = recorded(assignments.slice(from, from + atMost));
    const booked = entries.slice(from, from + atMost);
    const sums = summed(booked);
    await send(
      tx,
      sql`
      with version as (
        insert into roster_version (id, content)
        select * from unnest(${rosters.map((one) => one.id)}::text[],
          ${rosters.map((one) => one.content)}::json[]) on conflict do nothing),
      assigned as (
        insert into assignment (handoff_id, round, rep_id, queue, pool, via, roster, record,
          candidates, input, at)
        select a."handoffId", a.round, a."repId", a.queue, a.pool, a.via, a.roster, a.record::json,
          a.candidates, a.input, ${new Date(now)}::timestamptz
        from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
          as a("handoffId" text, round int, "repId" text, queue text, pool text, via text,
            roster text, record text, candidates jsonb, input jsonb)),
      entry as (
        insert into credit_entry (pool, lead_type, kind, handoff_id, round, winner, deltas, at)
        select e.pool, e."leadType", e.kind, e."handoffId", e.round, e.winner, e.deltas,
          ${new Date(now)}::timestamptz
        from rows from (jsonb_to_recordset(${JSON.stringify(booked)}::jsonb)
          as (pool text, "leadType" text, kind text, "handoffId" text, round int, winner text,
            deltas jsonb)) with ordinality
          as e(pool, "leadType", kind, "handoffId", round, winner, deltas, n)
        order by e.n
        returning id, pool, lead_type, winner)
      insert into credit (pool, lead_type, rep_id, millionths, last_pick)
      select s.pool, s.lead_type, s.rep_id, s.millionths,
        coalesce((select max(e.id) from entry e where e.winner = s.rep_id and e.pool = s.pool
          and e.lead_type = s.lead_type), 0)
      from unnest(${sums.map((one) => one.pool)}::text[],
        ${sums.map((one) => one.leadType)}::text[], ${sums.map((one) => one.repId)}::text[],
        ${sums.map((one) => one.millionths)}::bigint[])
        as s(pool, lead_type, rep_id, millionths)
      order by s.pool, s.lead_type, s.rep_id
      on conflict (pool, lead_type, rep_id) do update
        set millionths = credit.millionths + excluded.millionths,
          last_pick = greatest(credit.last_pick, excluded.last_pick)`,
    );
  }
}

const atMost = 500;

/** Assignments as rows, and the versions of the roster that they name. */
function recorded(assignments: readonly NewAssignment[]) {
  const record = recorder();
  const rosters = new Set<RosterVersion>();
  const rows = assignments.map(({ input, candidates, ...assignment }) => {
    const kept = record(input, candidates);
    if (!kept) return { ...assignment, candidates, input: withoutFacts(input) };
    rosters.add(kept.roster);
    // As a text within the text: Postgres reads the numbers in it only when somebody asks for them.
    return { ...assignment, roster: kept.roster.id, record: JSON.stringify(kept.record) };
  });
  return { rows, rosters: [...rosters] };
}

/** What entries change in all, so that each credit is moved once. */
function summed(entries: readonly LedgerEntry[]): {
  readonly pool: string;
  readonly leadType: string;
  readonly repId: string;
  readonly millionths: number;
}[] {
  const ledgers = new Map<
    string,
    { readonly pool: string; readonly leadType: string; readonly sums: Record<string, number> }
  >();
  for (const { pool, leadType, deltas } of entries) {
    const key = JSON.stringify([pool, leadType]);
    let ledger = ledgers.get(key);
    if (!ledger) ledgers.set(key, (ledger = { pool, leadType, sums: {} }));
    for (const [repId, change] of Object.entries(deltas))
      ledger.sums[repId] = (ledger.sums[repId] ?? 0) + change;
  }
  return [...ledgers.values()].flatMap(({ pool, leadType, sums }) =>
    Object.entries(sums).map(([repId, millionths]) => ({ pool, leadType, repId, millionths })),
  );
}

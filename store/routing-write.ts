import type { Instant } from "../handoff/calendar.ts";
import type { Deltas } from "../handoff/credit.ts";
import type { Member } from "../handoff/eligibility.ts";
import type { Candidate, RouteInput, Via } from "../handoff/route.ts";
import { prepared, send, sql, type Tx } from "./db.ts";

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
 * Writes assignments, appends ledger entries in their order and moves the credits that they change, in one statement
 * while there are few: the pool's lock is held until it is done. The same (handoff, round) twice is an error of the database.
 */
export async function writeTurns(tx: Tx, assignments: readonly NewAssignment[], entries: readonly LedgerEntry[], now: Instant): Promise<void> {
  // Bounds the size of one statement when a whole weekend is released at once.
  for (let from = 0; from < Math.max(assignments.length, entries.length); from += atMost) {
    const [given, booked] = [assignments.slice(from, from + atMost), entries.slice(from, from + atMost)];
    await send(tx, prepared("routing-write", sql`
      with assigned as (
        insert into assignment (handoff_id, round, rep_id, queue, pool, via, candidates, input, at)
        select a."handoffId", a.round, a."repId", a.queue, a.pool, a.via, a.candidates, a.input, ${new Date(now)}::timestamptz
        from jsonb_to_recordset(${textOf(given)}::jsonb)
          as a("handoffId" text, round int, "repId" text, queue text, pool text, via text, candidates jsonb, input jsonb)),
      entry as (
        insert into credit_entry (pool, lead_type, kind, handoff_id, round, winner, deltas, at)
        select e.pool, e."leadType", e.kind, e."handoffId", e.round, e.winner, e.deltas, ${new Date(now)}::timestamptz
        from rows from (jsonb_to_recordset(${JSON.stringify(booked)}::jsonb)
          as (pool text, "leadType" text, kind text, "handoffId" text, round int, winner text, deltas jsonb)) with ordinality
          as e(pool, "leadType", kind, "handoffId", round, winner, deltas, n)
        order by e.n
        returning id, pool, lead_type, winner, deltas)
      insert into credit (pool, lead_type, rep_id, millionths, last_pick)
      select e.pool, e.lead_type, d.key, sum(d.value::bigint)::bigint, coalesce(max(e.id) filter (where e.winner = d.key), 0)
      from entry e, jsonb_each_text(e.deltas) d group by e.pool, e.lead_type, d.key order by e.pool, e.lead_type, d.key
      on conflict (pool, lead_type, rep_id) do update
        set millionths = credit.millionths + excluded.millionths, last_pick = greatest(credit.last_pick, excluded.last_pick)`));
  }
}

const atMost = 500;

/**
 * Assignments as JSON. The decision keeps what the place was found from; the assignment's own copy holds no fact of the
 * lead. A batch puts the same members before each lead, so a member is written out once.
 */
function textOf(assignments: readonly NewAssignment[]): string {
  const texts = new Map<Member, string>();
  const textOfMember = (member: Member): string => {
    const known = texts.get(member);
    if (known !== undefined) return known;
    const text = JSON.stringify(member);
    texts.set(member, text);
    return text;
  };
  return `[${assignments.map(({ input, ...assignment }) => {
    const { pools, ...rest } = { ...input, evidence: null, place: { ...input.place, trace: [] } };
    // None of these objects is empty, so what is put at its end follows a comma.
    const poolTexts = Object.entries(pools).map(([id, { members, ...pool }]) => `${JSON.stringify(id)}:${JSON.stringify(pool).slice(0, -1)},"members":[${members.map(textOfMember).join()}]}`);
    return `${JSON.stringify(assignment).slice(0, -1)},"input":${JSON.stringify(rest).slice(0, -1)},"pools":{${poolTexts.join()}}}}`;
  }).join()}]`;
}

import { pastMoves, type PastCourse } from "../../handoff/facts/past.ts";
import type { WaitingOn } from "../../handoff/stage.ts";
import { rows, send, sql, type Tx } from "../postgres/db.ts";
import type { IntakePerson } from "./people.ts";

/** What a person has of handoffs, known and just told. */
export interface History {
  /** Baton itself has decided about this person: the past is closed. */
  readonly isBatons: boolean;
  readonly known: KnownHandoff[];
}

export interface KnownHandoff {
  readonly id: string;
  readonly course: PastCourse;
  readonly saidHash: string | null;
  readonly repId: string | null;
  readonly leadType: string | null;
  readonly band: string | null;
  readonly territory: string | null;
  /** The cycle under which it is stored; 0: it is not stored yet. */
  readonly cycle: number;
}

/** Locks the processes, as decisions do before anything else of a lead, and reads their past. */
export async function lockHistories(tx: Tx, ids: readonly string[]): Promise<Map<string, History>> {
  if (ids.length === 0) return new Map();
  await send(
    tx,
    sql`
    select from process where subject_kind = 'lead' and subject_id = any(${[...ids]}::text[])
      order by subject_id for update`,
  );
  // Read from behind the lock: a decision may have been under way.
  const found = await rows<{ id: string; batons: boolean }>(
    tx,
    sql`
    select p.subject_id as id, p.origin <> 'history' or p.merged_into is not null or exists (
      select from decision d where d.subject_kind = 'lead' and d.subject_id = p.subject_id)
        as batons
    from process p where p.subject_kind = 'lead' and p.subject_id = any(${[...ids]}::text[])`,
  );
  const handoffs = await rows<{
    id: string;
    subject_id: string;
    cycle: number;
    mql_at: Date;
    sal_at: Date | null;
    sql_at: Date | null;
    opportunity_at: Date | null;
    closed_at: Date | null;
    outcome: string | null;
    imported_as: string | null;
    rep_id: string | null;
    lead_type: string | null;
    band: string | null;
    territory: string | null;
  }>(
    tx,
    sql`
    select id, subject_id, cycle, mql_at, sal_at, sql_at, opportunity_at, closed_at, outcome,
      imported_as, rep_id, lead_type, band, territory
    from handoff where subject_kind = 'lead' and subject_id = any(${[...ids]}::text[])`,
  );
  return new Map(
    found.map(({ id, batons }) => [
      id,
      {
        isBatons: batons,
        known: handoffs
          .filter((one) => one.subject_id === id)
          .map((one) => ({
            id: one.id,
            course: {
              mqlAt: one.mql_at.getTime(),
              salAt: one.sal_at?.getTime() ?? null,
              sqlAt: one.sql_at?.getTime() ?? null,
              opportunityAt: one.opportunity_at?.getTime() ?? null,
              closedAt: one.closed_at?.getTime() ?? null,
              because: one.outcome ?? "",
            },
            saidHash: one.imported_as,
            repId: one.rep_id,
            leadType: one.lead_type,
            band: one.band,
            territory: one.territory,
            cycle: one.cycle,
          })),
      },
    ]),
  );
}

type OpenStage = "mql" | "sal" | "sql";
const takenOverWaits: Readonly<Record<OpenStage, WaitingOn>> = {
  mql: "assessment",
  sal: "attempts",
  sql: "opportunity",
};

/**
 * Cycles, moves and standing of these people, worked out anew from all of their handoffs: an older
 * one may be told after a newer one.
 */
export async function writeCourses(
  tx: Tx,
  people: readonly IntakePerson[],
  histories: ReadonlyMap<string, History>,
  writeNew: (cycleOf: ReadonlyMap<string, number>) => Promise<void>,
): Promise<void> {
  const all = people.map((person) => {
    const known = (histories.get(person.id)?.known ?? []).toSorted(
      (a, b) => a.course.mqlAt - b.course.mqlAt,
    );
    return {
      person,
      known,
      moves: pastMoves(
        person.arrivedAt,
        known.map(({ course }) => course),
      ),
    };
  });
  const ids = people.map(({ id }) => id);
  const cycles = all.flatMap(({ known }) =>
    known.map(({ id, cycle }, n) => ({ id, cycle: n + 1, isMoved: cycle > 0 && cycle !== n + 1 })),
  );
  const moved = cycles.filter(({ isMoved }) => isMoved);
  if (moved.length > 0) {
    // By way of numbers that nobody has: a person's cycles are unique at every moment.
    await send(
      tx,
      sql`update handoff set cycle = -cycle where id = any(${moved.map(({ id }) => id)}::text[])`,
    );
    await send(
      tx,
      sql`
      update handoff set cycle = m.cycle from jsonb_to_recordset(${JSON.stringify(moved)}::jsonb)
        as m(id text, cycle int) where handoff.id = m.id`,
    );
  }
  await writeNew(new Map(cycles.map(({ id, cycle }) => [id, cycle])));
  await send(
    tx,
    sql`
    update lead set arrived_at = t.at from unnest(${ids}::text[],
      ${people.map(({ arrivedAt }) => new Date(arrivedAt))}::timestamptz[]) as t(id, at)
    where lead.id = t.id and lead.arrived_at is distinct from t.at`,
  );
  await send(
    tx,
    sql`delete from transition where subject_kind = 'lead' and subject_id = any(${ids}::text[])`,
  );
  const transitions = all.flatMap(({ person, moves }) =>
    moves.map((move) => ({ ...move, id: person.id, at: new Date(move.at) })),
  );
  await send(
    tx,
    sql`
    insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage,
      because, at)
    select 'lead', id, cycle, step, "from", "to", because, at
    from jsonb_to_recordset(${JSON.stringify(transitions)}::jsonb) as t(id text, cycle int,
      step int, "from" text, "to" text, because text, at timestamptz)`,
  );
  const standings = all.flatMap(({ person, known, moves }) => {
    const [last, move] = [known.at(-1), moves.at(-1)];
    if (last === undefined || move === undefined) return [];
    const isDeal = move.to === "opportunity";
    const goesOn = last.course.closedAt === null;
    return [
      {
        id: person.id,
        stage: move.to,
        since: new Date(move.at),
        // What goes on stands as a fresh MQL does, until the decision that takes it over.
        wait: goesOn ? takenOverWaits[move.to as OpenStage] : "nothing",
        owner: isDeal || goesOn ? last.repId : null,
        queue: goesOn && last.repId === null ? "routing" : null,
        handoff: goesOn ? last.id : null,
        next: goesOn
          ? "it is taken over"
          : isDeal
            ? "nothing; won or lost is recorded from the CRM"
            : "nothing; reopen it to start again",
        type: last.leadType,
        band: last.band,
        territory: last.territory,
        cycle: move.cycle,
        step: move.step,
        closed: isDeal || goesOn ? null : move.because,
      },
    ];
  });
  await send(
    tx,
    sql`
    update process set stage = s.stage, stage_since = s.since, waiting_on = s.wait,
      owner_id = s.owner, queue = s.queue, next_step = s.next, next_at = null, due_at = null,
      lead_type = s.type, band = s.band, territory = s.territory, cycle = s.cycle, step = s.step,
      handoff_id = s.handoff, closed_reason = s.closed, origin = 'history'
    from jsonb_to_recordset(${JSON.stringify(standings)}::jsonb) as s(id text, stage text,
      since timestamptz, wait text, owner text, queue text, handoff text, next text, type text,
        band text, territory text, cycle int,
      step int, closed text)
    where process.subject_kind = 'lead' and process.subject_id = s.id`,
  );
}

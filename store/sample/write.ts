import { createHash } from "node:crypto";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { RepPool } from "../../handoff/routing/roster.ts";
import type { LeadStart, Standing } from "../../handoff/process/words.ts";
import type { SampleCompany, SampleLead } from "../../sample/model.ts";
import { audit } from "../postgres/audit.ts";
import { firstRow, inTransaction, rows, sql, type Db, type Pool, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import { enqueueAll, leadSignal, type OutboxMessage } from "../postgres/outbox.ts";
import { calendarId, keepCalendar } from "../process/calendars.ts";
import { editRoster } from "../routing/roster-edit.ts";
import type { RepRecord } from "../routing/roster.ts";
import type { NamedHours } from "../routing/named-hours.ts";
import { sampleTables } from "./tables.ts";

/** What a sample company consists of. */
export interface SampleToWrite {
  /** The texts of its agreement, in order, with the time since which each was in force. */
  readonly agreements: readonly { readonly content: string; readonly from: Instant }[];
  readonly roster: {
    readonly reps: readonly RepRecord[];
    readonly pools: readonly RepPool[];
    readonly namedHours: NamedHours;
  };
  readonly company: SampleCompany;
  /** How it was asked for, for the audit trail. */
  readonly made: { readonly seed: number; readonly months: number; readonly plant: string[] };
}

/** What is there may stay: nothing, or the example that comes with Baton. */
export interface ComesWithBaton {
  readonly agreement: string;
}

export interface SampleWritten {
  readonly accounts: number;
  readonly leads: number;
  readonly handoffs: number;
  /** Leads in nurture or the re-nurture pool, whose processes start with the worker. */
  readonly open: number;
}

/** Why a sample cannot be written here; the message says what was found. */
export class SampleRefused extends Error {}

/** Whether a sample was written into this database before. */
export async function holdsSample(db: Db): Promise<boolean> {
  const found = await firstRow(db, sql`select from audit where what = ${writtenSample} limit 1`);
  return found !== undefined;
}

/** So many rows go to Postgres at once. */
const page = 2_000;

const writtenSample = "sample.written";

/**
 * Writes a sample company, all or nothing, into a database without leads whose agreement and roster
 * are nobody's own. What is in nurture or re-nurture gets its process; whatever is closed starts
 * none. Throws `SampleRefused` where anything real could be mixed with it.
 */
export async function writeSample(
  pool: Pool,
  sample: SampleToWrite,
  known: ComesWithBaton,
  now: Instant,
): Promise<SampleWritten> {
  return inTransaction(pool, async (tx) => {
    // Between two statements the rows of a table are made: on a busy machine that takes a while.
    await tx.query("set local idle_in_transaction_session_timeout = 0");
    // No lead arrives, and nobody publishes, until this is over.
    await tx.query("lock table lead in share row exclusive mode");
    await tx.query("select pg_advisory_xact_lock(hashtext('agreement'))");
    await refuseSample(tx, sample, known);
    const ids = await writeAgreements(tx, sample.agreements, now);
    await editRoster(tx, sample.roster, now);
    const { company, made } = sample;
    const calendars = new Map<string, string>();
    for (const [name, applied] of company.calendars) {
      const id = calendarId(applied);
      await keepCalendar(tx, id, applied, now);
      calendars.set(name, id);
    }
    const tables = sampleTables(company, { agreements: ids, calendars });
    for (const { table, rows: list } of tables) await put(tx, table, list());
    const open = company.leads.filter(({ standing }) => standing.waitingOn !== "nothing");
    for (let n = 0; n < open.length; n += page)
      await enqueueAll(tx, open.slice(n, n + page).map(startOf), now);
    // Whoever asks for a report at once is not to wait for a plan made for empty tables. Each table
    // by itself: on a busy machine all of them take longer than a statement may.
    for (const table of [...tables.map((one) => one.table), "outbox"])
      await tx.query(`analyze ${table}`);
    const written = {
      accounts: company.accounts.length,
      leads: company.leads.length,
      handoffs: company.leads.reduce((sum, { handoffs }) => sum + handoffs.length, 0),
      open: open.length,
    };
    const detail = { ...made, ...written };
    await audit(tx, { actor: "baton", what: writtenSample, detail }, now);
    return written;
  });
}

/** Its process goes on from where the lead stands, in the lane of imports; nothing is looked at anew. */
function startOf({ id, source, standing }: SampleLead): OutboxMessage {
  const { stage, waitingOn, cycle, step, nextStep, nextAt } = standing;
  const at: Standing = {
    cycle,
    step,
    stage,
    stageSince: standing.stageSince,
    waitingOn,
    handoffId: null,
    owner: null,
    wakeAt: nextAt,
    wakeFor: nextStep,
    dueAt: null,
    leadType: standing.leadType,
    band: standing.band,
    source,
    territory: standing.territory,
    details: `**${stage}**, waiting on ${waitingOn}; written as a sample`,
    effects: false,
  };
  const start: LeadStart = { leadId: id, cycle, from: "resume", priority: 5, at };
  return leadSignal(id, "start", "leadHandoff", { ...start }, 2);
}

/** Throws `SampleRefused` where there are leads, or an agreement or people of somebody's own. */
export async function refuseSample(
  db: Db,
  { roster }: Pick<SampleToWrite, "roster">,
  { agreement }: ComesWithBaton,
): Promise<void> {
  if (await firstRow(db, sql`select from lead limit 1`)) throw new SampleRefused("it holds leads");
  const [version] = await rows<{ id: string }>(
    db,
    sql`select id from agreement_version where content_hash <> ${hashOf(agreement)}
      order by number limit 1`,
  );
  if (version) throw new SampleRefused(`it holds an agreement of its own (${version.id})`);
  const listed = [...roster.reps, ...roster.pools].map(({ id }) => id);
  const [other] = await rows<{ id: string }>(
    db,
    sql`select id from (select id from rep union all select id from pool) one
      where id <> all(${listed}::text[]) order by id limit 1`,
  );
  if (other) throw new SampleRefused(`it holds a roster of its own (${other.id})`);
}

/** Gives their ids, in order; the last one is active. */
async function writeAgreements(
  tx: Tx,
  agreements: SampleToWrite["agreements"],
  now: Instant,
): Promise<string[]> {
  await tx.query(sql`update agreement_version set state = 'retired' where state = 'active'`);
  const ids: string[] = [];
  for (const [n, { content, from }] of agreements.entries()) {
    const id = newId("ag", now);
    const state = n + 1 < agreements.length ? "retired" : "active";
    const at = new Date(from);
    await tx.query(sql`
      insert into agreement_version (id, number, content, content_hash, state, created_at,
        created_by, activated_at, activated_by, note)
      select ${id}, coalesce(max(number), 0) + 1, ${content}, ${hashOf(content)}, ${state}, ${at},
        'baton', ${at}, 'baton', 'sample' from agreement_version`);
    ids.push(id);
  }
  return ids;
}

function hashOf(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

async function put(
  tx: Tx,
  table: string,
  list: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  const names = Object.keys(list[0] ?? {}).join(", ");
  for (let n = 0; n < list.length; n += page)
    await tx.query({
      text: `insert into ${table} (${names})
        select ${names} from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
      values: [JSON.stringify(list.slice(n, n + page))],
    });
}

import type { Instant } from "../../handoff/time/calendar.ts";
import { isClosed, type Stage } from "../../handoff/stage.ts";
import { audit } from "../postgres/audit.ts";
import { firstRow, rows, sql, type Tx } from "../postgres/db.ts";
import { rememberErased } from "./erased.ts";
import { accountsAround, eraseNotesAbout } from "./erased-notes.ts";
import { lockIdentities, type Identity } from "./identities.ts";
import { leadSignal, enqueueAll } from "../postgres/outbox.ts";

/** An event of our own in the inbox: clean up once more after runs that were under way. */
export const erasedSource = "baton:erased";

/** Longer than any run may hold an effect. */
const untilRunsEndMs = 40_000;

export type Erased = {
  readonly kind: "erased" | "erased-before";
  readonly leads: readonly string[];
};

/**
 * Erases a person: deletes what was known, done, written and sent about them, under every lead that
 * was merged into this one, and remembers their names as salted hashes so that a late event does
 * not bring them back. Stages, handoffs, clocks, assignments and answers stay, without text, so
 * that reports keep their counts. Notes about their accounts' handoffs go too, as they may be named
 * there. The open process is told and ends itself.
 */
export async function erasePerson(
  tx: Tx,
  leadId: string,
  by: string,
  now: Instant,
): Promise<Erased> {
  const family = await lockFamily(tx, leadId);
  const leads = family.map((one) => one.id);
  if (family.every((one) => one.isErased)) return { kind: "erased-before", leads };

  const names = await namesOf(tx, leads);
  const called = await calledOf(tx, leads);
  // A concurrent intake of the same person waits, and then finds them erased.
  await lockIdentities(tx, names, false);
  await rememberErased(tx, names, now);
  await eraseNotesAbout(tx, await accountsAround(tx, leads));
  await deleteKnowledge(tx, leads, now);
  await deleteCopies(tx, leads, names, called, now);

  await cleanUpLater(tx, leads, now);
  await enqueueAll(
    tx,
    family
      .filter((one) => !isClosed(one.stage))
      .map(({ id }) => leadSignal(id, "signal", "erased", { id }, 1)),
    now,
  );
  for (const id of leads) await audit(tx, { actor: by, what: "person.erased", subject: id }, now);
  return { kind: "erased", leads };
}

interface Relative {
  readonly id: string;
  readonly stage: Stage;
  readonly isErased: boolean;
}

/**
 * Every lead that the person is, locked: processes first, as decisions lock them, so that neither
 * waits for the other in a circle.
 */
async function lockFamily(tx: Tx, leadId: string): Promise<Relative[]> {
  const processes = await rows<{ id: string; stage: Stage }>(
    tx,
    sql`
    with recursive up as (
      select subject_id as id, merged_into from process where subject_kind = 'lead'
        and subject_id = ${leadId}
      union select p.subject_id, p.merged_into from process p join up on p.subject_kind = 'lead'
        and p.subject_id = up.merged_into
    ), down as (
      select id from up union select p.subject_id from process p join down d
        on p.subject_kind = 'lead' and p.merged_into = d.id
    ) select subject_id as id, stage from process where subject_kind = 'lead'
      and subject_id in (select id from down) order by subject_id for update`,
  );
  const leads = await rows<{ id: string; isErased: boolean }>(
    tx,
    sql`
    select id, erased_at is not null as "isErased" from lead
      where id = any(${processes.map((one) => one.id)}::text[]) order by id for update`,
  );
  const stageOf = new Map(processes.map((one) => [one.id, one.stage]));
  return leads.flatMap(({ id, isErased }) => {
    const stage = stageOf.get(id);
    return stage === undefined ? [] : [{ id, stage, isErased }];
  });
}

/**
 * A run that had read the person before this transaction may still write them to the CRM: what it
 * leaves is deleted after it.
 */
async function cleanUpLater(tx: Tx, leads: readonly string[], now: Instant): Promise<void> {
  await tx.query(sql`
    insert into inbox (source, event_id, payload, received_at, next_at)
    select distinct ${erasedSource}, e.subject_id, jsonb_build_object('lead', e.subject_id),
      ${new Date(now)}::timestamptz, ${new Date(now + untilRunsEndMs)}::timestamptz
    from effect e where e.subject_kind = 'lead' and e.subject_id = any(${leads}::text[])
      and e.state = 'open' and e.claimed_until > ${new Date(now)}
    on conflict (source, event_id) do nothing`);
}

/** Deletes what was written about an erased person by runs that were under way when it happened. */
export async function eraseAgain(tx: Tx, leadId: string, now: Instant): Promise<void> {
  await tx.query(
    sql`select from process where subject_kind = 'lead' and subject_id = ${leadId} for update`,
  );
  if (
    !(await firstRow(
      tx,
      sql`select from lead where id = ${leadId} and erased_at is not null for update`,
    ))
  )
    return;
  const names = await namesOf(tx, [leadId]);
  await rememberErased(tx, names, now);
  await deleteKnowledge(tx, [leadId], now);
  await deleteCopies(tx, [leadId], names, [], now);
}

async function namesOf(tx: Tx, leads: readonly string[]): Promise<Identity[]> {
  return rows<Identity>(
    tx,
    sql`
    select kind, value from lead_alias where lead_id = any(${leads}::text[])
    union select 'email', email from lead where id = any(${leads}::text[]) and email is not null
    union select 'crm', crm_id from lead where id = any(${leads}::text[]) and crm_id is not null
    union select 'lead', id from lead where id = any(${leads}::text[])`,
  );
}

/**
 * What people call them and reach them under: full names and phone numbers. Too common to delete
 * what is not about them.
 */
async function calledOf(tx: Tx, leads: readonly string[]): Promise<string[]> {
  const found = await rows<{ name: string | null; parts: string; phone: string | null }>(
    tx,
    sql`
    select facts #>> '{lead.name,value}' as name,
      concat_ws(' ', facts #>> '{lead.firstName,value}', facts #>> '{lead.lastName,value}') as
      parts, facts #>> '{lead.phone,value}' as phone
    from lead where id = any(${leads}::text[])`,
  );
  return found
    .flatMap(({ name, parts, phone }) => [name, parts, phone])
    .filter((word): word is string => word !== null && word.length >= 5 && /[\s\d]/.test(word));
}

/** Who they are, what they did, and what people and rules said about them. */
async function deleteKnowledge(tx: Tx, leads: readonly string[], now: Instant): Promise<void> {
  await tx.query(sql`
    update lead set email = null, crm_id = null, facts = '{}', account_id = null, placed = null,
      merge_into = null,
      erased_at = coalesce(erased_at, ${new Date(now)})
    where id = any(${leads}::text[])`);
  await tx.query(
    sql`
      update process set exit_intent = null where subject_kind = 'lead'
        and subject_id = any(${leads}::text[])`,
  );
  for (const table of ["lead_alias", "consent", "engagement", "score", "reopening"])
    await tx.query(`delete from ${table} where lead_id = any($1::text[])`, [leads]);
  await tx.query(
    sql`
      delete from lead_conflict where lead_id = any(${leads}::text[])
        or other_id = any(${leads}::text[])`,
  );
  // A decision without its situation cannot be taken again, so it goes as a whole; what it led to
  // stays as rows of its own.
  await tx.query(
    sql`delete from decision where subject_kind = 'lead' and subject_id = any(${leads}::text[])`,
  );
  await tx.query(sql`update action set body = '{}' where lead_id = any(${leads}::text[])`);
  await tx.query(sql`
    update answer set note = null, timeline = null, buying_signals = '{}'
    where handoff_id in (select id from handoff where subject_kind = 'lead'
      and subject_id = any(${leads}::text[]))`);
  // A job title, and what somebody was sent by name, can tell who they are.
  await tx.query(sql`
    update handoff set role = null, assets = null, first_asset = null where subject_kind = 'lead'
      and subject_id = any(${leads}::text[])`);
  await tx.query(
    sql`
      update task set detail = '{}', done_how = case when done_by = 'baton' then done_how end
        where subject_kind = 'lead' and subject_id = any(${leads}::text[])`,
  );
  await tx.query(
    sql`update review_decision set entry = '{}' where subject_id = any(${leads}::text[])`,
  );
}

/**
 * What was sent, received and refused: mails, CRM records, events, lines of files, kept answers.
 */
async function deleteCopies(
  tx: Tx,
  leads: readonly string[],
  names: readonly Identity[],
  called: readonly string[],
  now: Instant,
): Promise<void> {
  await tx.query(sql`delete from kept_mail where lead_id = any(${leads}::text[])`);
  await tx.query(
    sql`
      update effect set error = null where subject_kind = 'lead'
        and subject_id = any(${leads}::text[])`,
  );
  const crmIds = await rows<{ id: string }>(
    tx,
    sql`
    select id from house_lead where external_id = any(${leads}::text[])
    union select crm_id from crm_link where kind = 'lead' and our_id = any(${leads}::text[])`,
  );
  const records = crmIds.map((one) => one.id);
  await tx.query(
    sql`update house_lead set merged_into = null where merged_into = any(${records}::text[])`,
  );
  await tx.query(sql`delete from house_change where lead_id = any(${records}::text[])`);
  await tx.query(sql`delete from house_lead where id = any(${records}::text[])`);
  await tx.query(sql`delete from crm_link where kind = 'lead' and our_id = any(${leads}::text[])`);

  const values = (...kinds: Identity["kind"][]) =>
    names.filter(({ kind }) => kinds.includes(kind)).map(({ value }) => value);
  const visitors = [...values("anonymous"), ...values("user").map((user) => `user:${user}`)];
  await tx.query(sql`delete from visitor where id = any(${visitors}::text[])`);
  await tx.query(
    sql`delete from engagement where lead_id is null and anonymous_id = any(${visitors}::text[])`,
  );

  // A message can tell of many leads and belong to none of them; each that it tells of has its
  // address in it. Answers name the lead.
  const addresses = leads.map((id) => `%${id.replaceAll("_", "\\_")}%`);
  await tx.query(sql`delete from kept_mail where body_text like any(${addresses}::text[])`);
  // What is sure to mean them, and what may also mean somebody else: that deletes only what nobody
  // waits for.
  const surely = [...leads, ...values("email", "crm"), ...records];
  const sure = search(surely);
  // A company's record may have the id that theirs had: what is said of it tells of them by name.
  const sureOfCompany = search([...leads, ...values("email")]);
  const likely = search([
    ...surely,
    ...called,
    ...values("external", "user", "anonymous").filter((value) => value.length >= 6),
  ]);
  // `case` keeps the order: the slow pattern is tried on what the quick one has found.
  await tx.query(
    sql`
      delete from idempotency_key where response::text like any(${addresses}::text[]) or case
        when lower(key) like any(${sure.anywhere}::text[]) then key ~* ${sure.whole}
        else false end`,
  );
  await tx.query(sql`
    update inbox set payload = '{}', error = null,
      processed_at = coalesce(processed_at, ${new Date(now)})
    where source <> ${erasedSource} and case
      when not lower(payload::text) like any(${likely.anywhere}::text[]) then false
      when processed_at is null then payload::text ~*
        case payload ->> 'record' when 'account' then ${sureOfCompany.whole}
          else ${sure.whole} end
        else payload::text ~* ${likely.whole} end`);
  await tx.query(
    sql`
      delete from import_error where case when lower(raw) like any(${likely.anywhere}::text[])
        then raw ~* ${likely.whole} else false end`,
  );
}

/**
 * How to find any of the words: anywhere, which is quick and leaves few rows, and among those as
 * whole words. HL-1 is not HL-10, and kim@a.com neither joakim@a.com nor kim@a.com.au. In JSON a
 * line break before the word is written \\n.
 */
function search(words: readonly string[]): {
  readonly anywhere: readonly string[];
  readonly whole: string;
} {
  const each = words.map((word) => word.replace(/[\\^$.|?*+(){}[\]-]/g, "\\$&")).join("|");
  return {
    anywhere: words.map((word) => `%${word.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`),
    whole: `(?:(?<![[:alnum:]._%+-])|(?<=\\\\[nrtbf]))(?:${each})(?![[:alnum:]_]|[.-][[:alnum:]])`,
  };
}

import { createHash } from "node:crypto";
import type { CrmAction } from "../../crm/action.ts";
import type { CrmChange, OpportunitySeen } from "../../crm/change.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Subject } from "../../handoff/process/words.ts";
import type { Stage } from "../../handoff/stage.ts";
import { noteAction } from "../process/actions.ts";
import { firstRow, send, sql, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";

/** The lead or account as news from the CRM finds it. */
export interface NewsStanding {
  readonly subject: Subject;
  readonly stage: Stage;
  readonly handoffId: string | null;
  readonly ownerId: string | null;
  readonly isErased: boolean;
  /** It goes on as another one. */
  readonly isMerged: boolean;
}

/**
 * Locked until the transaction ends: news and decisions about one subject never interleave.
 * Undefined where there is none, and for an account that was never handed off.
 */
export async function lockStanding(tx: Tx, subject: Subject): Promise<NewsStanding | undefined> {
  return subject.kind === "lead" ? lockLead(tx, subject) : lockAccount(tx, subject);
}

async function lockLead(tx: Tx, subject: Subject): Promise<NewsStanding | undefined> {
  // Both rows, in the order in which everybody locks them; the stage is read from behind the locks.
  const [process, lead] = await Promise.all([
    firstRow<Pick<NewsStanding, "stage" | "handoffId" | "ownerId" | "isMerged">>(
      tx,
      sql`
      select stage, handoff_id as "handoffId", owner_id as "ownerId",
        merged_into is not null as "isMerged" from process
      where subject_kind = 'lead' and subject_id = ${subject.id} for no key update`,
    ),
    firstRow<Pick<NewsStanding, "isErased">>(
      tx,
      sql`
      select erased_at is not null as "isErased" from lead
        where id = ${subject.id} for no key update`,
    ),
  ]);
  return process && lead && { subject, ...process, ...lead };
}

/** Decisions about an account lock its process alone. */
async function lockAccount(tx: Tx, subject: Subject): Promise<NewsStanding | undefined> {
  const found = await firstRow<Omit<NewsStanding, "subject" | "isErased">>(
    tx,
    sql`
    select p.stage, p.handoff_id as "handoffId", p.owner_id as "ownerId",
      a.merged_into is not null as "isMerged"
    from process p join account a on a.id = p.subject_id
    where p.subject_kind = 'account' and p.subject_id = ${subject.id} for no key update of p`,
  );
  return found && { subject, ...found, isErased: false };
}

/** The account that goes on in its place: itself, where it was not merged. */
export async function survivingAccount(tx: Tx, accountId: string): Promise<string> {
  const found = await firstRow<{ id: string }>(
    tx,
    sql`select coalesce(merged_into, id) as id from account where id = ${accountId}`,
  );
  return found?.id ?? accountId;
}

/**
 * A person's action in the CRM as an action row; gives its id. It counts as received when the CRM
 * saw it, but never later than it reached us.
 */
export async function noteCrmAction(
  tx: Tx,
  source: string,
  change: CrmChange,
  subject: Subject,
  action: CrmAction,
  arrivedAt: Instant,
): Promise<string> {
  const person = change.by === null ? undefined : await rosterPerson(tx, change.by);
  const { stage, cycle, round } = change.seen ?? {};
  const id = `ax_${createHash("sha256").update(`${source}\n${change.id}`).digest("hex").slice(0, 32)}`;
  await noteAction(tx, {
    id,
    ...(subject.kind === "lead" ? { leadId: subject.id } : { accountId: subject.id }),
    name: action.name,
    body: action.body,
    via: "crm",
    by: person?.id ?? change.by ?? source,
    role: person?.role ?? "crm",
    receivedAt: Math.min(change.at, arrivedAt),
    seen: change.seen
      ? {
          // An attempt was made, and an owner is changed, whatever stage the record showed.
          ...(stage === undefined || regardlessOfStage.includes(action.name) ? {} : { stage }),
          ...(cycle === undefined ? {} : { cycle }),
          ...(round === undefined ? {} : { round }),
        }
      : null,
  });
  return id;
}

const regardlessOfStage: readonly CrmAction["name"][] = ["logOutreach", "reassign"];

/** Somebody of the roster by the CRM's id of the user, or by ours. */
export async function rosterPerson(
  tx: Tx,
  user: string,
): Promise<{ id: string; role: string } | undefined> {
  return firstRow(
    tx,
    sql`select id, role from rep where crm_id = ${user} or id = ${user} order by id limit 1`,
  );
}

/**
 * Writes an opportunity as the CRM has it; an older picture than the stored one changes nothing.
 * Won and lost go to the handoff too: its process has ended by then.
 */
export async function saveOpportunity(
  tx: Tx,
  { subject, handoffId }: Pick<NewsStanding, "subject" | "handoffId">,
  seen: OpportunitySeen,
  at: Instant,
  now: Instant,
): Promise<void> {
  const changedAt = new Date(at);
  const createdAt = new Date(Math.min(seen.createdAt, now));
  const row = await firstRow<{
    handoff_id: string | null;
    won_at: Date | null;
    lost_at: Date | null;
  }>(
    tx,
    sql`
    insert into opportunity as o (id, lead_id, handoff_id, crm_id, stage, deal_stage, amount_minor,
      currency, created_at, changed_at, won_at, lost_at)
    values (${newId("op", now)}, ${subject.id}, ${handoffId}, ${seen.crmId}, ${seen.stage},
      ${seen.dealStage}, ${seen.amountMinor}, ${seen.currency}, ${createdAt}, ${changedAt},
      ${seen.stage === "won" ? changedAt : null}, ${seen.stage === "lost" ? changedAt : null})
    on conflict (crm_id) do update set stage = excluded.stage, deal_stage = excluded.deal_stage,
      amount_minor = excluded.amount_minor,
      currency = excluded.currency, changed_at = excluded.changed_at,
      won_at = case when excluded.stage = 'won'
        then coalesce(o.won_at, excluded.won_at) end, lost_at = case when excluded.stage = 'lost'
        then coalesce(o.lost_at, excluded.lost_at) end
    where o.changed_at <= excluded.changed_at
    returning handoff_id, won_at, lost_at`,
  );
  if (row?.handoff_id)
    await send(
      tx,
      sql`
        update handoff set won_at = ${row.won_at}, lost_at = ${row.lost_at},
          won_told_at = case when won_at is distinct from ${row.won_at}::timestamptz
            then ${new Date(now)} else won_told_at end,
          lost_told_at = case when lost_at is distinct from ${row.lost_at}::timestamptz
            then ${new Date(now)} else lost_told_at end
          where id = ${row.handoff_id}`,
    );
  // What comes late changes nothing of today, and belongs to the history all the same. One that is
  // first heard of closed was open from when it was made.
  await send(
    tx,
    sql`
    insert into opportunity_stage (opportunity_id, stage, deal_stage, amount_minor, currency,
      happened_at, told_at)
    select o.id, s.stage, s.deal_stage, s.amount_minor, s.currency, s.at, ${new Date(now)}
    from opportunity o, (values
      (true, ${seen.stage}::text, ${seen.dealStage}::text, ${seen.amountMinor}::bigint,
        ${seen.currency}::text, ${changedAt}::timestamptz),
      (false, 'open', null, null, null, ${createdAt}::timestamptz))
        as s(is_seen, stage, deal_stage, amount_minor, currency, at)
    where o.crm_id = ${seen.crmId} and (s.is_seen or s.at < ${changedAt} and not exists (
      select from opportunity_stage k where k.opportunity_id = o.id and k.happened_at <= s.at))
    on conflict do nothing`,
  );
}

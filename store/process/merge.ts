import type { Agreement } from "../../handoff/agreement.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { factsOfMerged } from "../../handoff/facts/merge-facts.ts";
import type { DatedFacts } from "../../handoff/facts/merge-facts.ts";
import { broughtBy, survivorOf } from "../../handoff/process/merging.ts";
import type { Situation } from "../../handoff/process/situation.ts";
import { giveRecord } from "../effects/crm-links.ts";
import { moveConflicts, settleConflict } from "../intake/conflicts.ts";
import { noteDuplicates } from "../intake/duplicates.ts";
import { moveEngagements } from "../intake/engagements.ts";
import { auditMoves, saveFacts } from "../intake/intake.ts";
import { audit } from "../postgres/audit.ts";
import { firstRow, rows, send, sql, type Db, type Tx } from "../postgres/db.ts";
import { enqueueAll, leadSignal } from "../postgres/outbox.ts";
import type { Agreements } from "./agreements.ts";
import { loadSituation, lockProcess } from "./load.ts";
import { takeWithin } from "./take.ts";

export interface Merging {
  /** Two leads of one person. */
  readonly leads: readonly [string, string];
  /** Which of them goes on where neither is further than the other. */
  readonly wished: string | null;
  /** Who said so, for the audit trail. */
  readonly by: string;
  /** The CRM whose users merged the records; null when it was said in Baton. */
  readonly crm: string | null;
}

export interface Merged {
  readonly survivorId: string;
  readonly loserId: string;
}

/**
 * Makes two leads one, in the caller's transaction: the further stage goes on with its owner and
 * clocks, the other process ends, and names, facts, engagements, outreach, opportunities and open
 * questions go to the survivor. Who has the survivor is told. Null when they are one lead already,
 * or when either is not there or was erased.
 */
export async function mergeLeads(
  tx: Tx,
  agreements: Agreements,
  { leads, wished, by, crm }: Merging,
  now: Instant,
): Promise<Merged | null> {
  const ids = await Promise.all(leads.map((id) => survivorIdOf(tx, id)));
  const [first, second] = [...new Set(ids)].sort();
  if (first === undefined || second === undefined) return null;
  // Both rows in one order, so that two merges never wait for each other.
  await lockProcess(tx, { kind: "lead", id: first });
  await lockProcess(tx, { kind: "lead", id: second });
  const one = await situationOf(tx, agreements, first, now);
  const other = await situationOf(tx, agreements, second, now);
  if (!one || !other || isGone(one) || isGone(other)) return null;
  const wishedNow = wished === null ? null : await survivorIdOf(tx, wished);
  const survivor = survivorOf(one, other, wishedNow);
  const loser = survivor === one ? other : one;
  const [survivorId, loserId] = [survivor.subject.id, loser.subject.id];
  const merged = { survivorId, loserId };

  await nameOnly(tx, loserId, survivorId);
  const { agreement } = survivor;
  const fields = await moveFacts(tx, merged, by, { agreement, now });
  await moveEngagements(tx, loserId, survivorId);
  await moveHandoffRows(tx, loser, survivor);
  if (crm !== null) await giveRecord(tx, crm, merged, wishedNow ?? survivorId, now);
  await takeWithin(
    tx,
    agreements,
    { subject: loser.subject, key: `merged/${survivorId}`, now, by: "elsewhere" },
    { kind: "merged" },
  );
  await takeWithin(
    tx,
    agreements,
    { subject: survivor.subject, key: `absorbed/${loserId}`, now, by: "elsewhere" },
    { kind: "absorbed", from: broughtBy(loser), fields },
  );
  await noteDuplicates(tx, [{ kind: "merged", leadId: survivorId, otherId: loserId, by }], now);
  await moveConflicts(tx, loserId, survivorId, by, { agreement, now });
  await audit(
    tx,
    { actor: by, what: "lead.merged", subject: loserId, detail: { into: survivorId } },
    now,
  );
  return merged;
}

/** They are two people: nobody asks again, and their unique-match gates are looked at anew. */
export async function keepApart(
  tx: Tx,
  pair: readonly [string, string],
  by: string,
  now: Instant,
): Promise<void> {
  await settleConflict(tx, pair, { how: "two-people", by }, now);
  const open = await rows<{ id: string }>(
    tx,
    sql`
    select subject_id as id from process where subject_kind = 'lead'
      and subject_id = any(${[...pair]}::text[]) and stage not in ('opportunity', 'disqualified')
      order by 1`,
  );
  await enqueueAll(
    tx,
    open.map(({ id }) => leadSignal(id, "signal", "factsChanged", { id }, 1)),
    now,
  );
  const [subject, other] = pair;
  await audit(tx, { actor: by, what: "lead.kept-apart", subject, detail: { from: other } }, now);
}

/** The lead as which a merged one goes on, over however many merges. */
export async function survivorIdOf(db: Db, leadId: string): Promise<string> {
  const found = await firstRow<{ id: string }>(
    db,
    sql`
    with recursive on_as as (
      select subject_id as id, merged_into, 0 as depth from process
        where subject_kind = 'lead' and subject_id = ${leadId}
      union all select p.subject_id, p.merged_into, depth + 1 from on_as
        join process p on p.subject_kind = 'lead' and p.subject_id = on_as.merged_into
        where depth < 20)
    select id from on_as order by depth desc limit 1`,
  );
  return found?.id ?? leadId;
}

function isGone({ erased, process }: Situation): boolean {
  return erased || process.mergedInto !== null;
}

async function situationOf(
  tx: Tx,
  agreements: Agreements,
  id: string,
  now: Instant,
): Promise<Situation | undefined> {
  return (await loadSituation(tx, agreements, { kind: "lead", id }, { now }))?.situation;
}

/** From here on each name of the loser resolves to the survivor. */
async function nameOnly(tx: Tx, loserId: string, survivorId: string): Promise<void> {
  await send(tx, sql`update lead_alias set lead_id = ${survivorId} where lead_id = ${loserId}`);
  await send(tx, sql`update lead set merge_into = ${survivorId} where id = ${loserId}`);
}

async function moveFacts(
  tx: Tx,
  { survivorId, loserId }: Merged,
  by: string,
  { agreement, now }: { readonly agreement: Agreement; readonly now: Instant },
): Promise<readonly string[]> {
  const factsOf = async (id: string): Promise<DatedFacts> =>
    (await firstRow<{ facts: DatedFacts }>(tx, sql`select facts from lead where id = ${id}`))
      ?.facts ?? {};
  const facts = factsOfMerged(await factsOf(survivorId), await factsOf(loserId));
  const { changed, moved } = await saveFacts(tx, survivorId, facts, now, { agreement, by });
  if (moved) await auditMoves(tx, [{ ...moved, by }], now);
  return changed;
}

/** Opportunities, and attempts of an open handoff where the survivor has one to count them in. */
async function moveHandoffRows(tx: Tx, loser: Situation, survivor: Situation): Promise<void> {
  const [from, to] = [loser.process.handoffId, survivor.process.handoffId];
  await send(
    tx,
    sql`
    update opportunity set lead_id = ${survivor.subject.id} where lead_id = ${loser.subject.id}`,
  );
  if (from === null || to === null) return;
  await send(tx, sql`update outreach set handoff_id = ${to} where handoff_id = ${from}`);
}

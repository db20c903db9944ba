import type { Instant } from "../../handoff/time/calendar.ts";
import type { DatedFacts } from "../../handoff/facts/merge-facts.ts";
import { factsOfMergedAccount } from "../../handoff/accounts/merging.ts";
import { audit } from "../postgres/audit.ts";
import { rows, send, sql, type Tx } from "../postgres/db.ts";
import { enqueueAll, leadSignal } from "../postgres/outbox.ts";
import { moveFlags } from "./flags.ts";
import { wantCrmSyncs } from "../effects/effects.ts";

export type MergedAccounts =
  | { readonly done: true; readonly survivorId: string; readonly leads: number }
  | { readonly done: false; readonly why: "no-account"; readonly id: string }
  | { readonly done: false; readonly why: "one-already" }
  | { readonly done: false; readonly why: "merged"; readonly id: string; readonly into: string };

/**
 * Makes two accounts one: leads, names and what is known of the company go to the survivor, the
 * other one stays on record as a part of it, and everything that was done about either stays as it
 * was. Open handoffs stay with who has them, and turns are neither given nor taken back: both
 * belong to the handoffs. Every lead that came along is looked at anew, and the CRM is made equal.
 */
export async function mergeAccounts(
  tx: Tx,
  { survivorId, loserId, by }: { survivorId: string; loserId: string; by: string },
  now: Instant,
): Promise<MergedAccounts> {
  if (survivorId === loserId) return { done: false, why: "one-already" };
  // Leads before accounts, each in the order of ids, as intake locks them.
  await send(tx, sql`select from lead where account_id = ${loserId} order by id for no key update`);
  const found = await rows<{ id: string; facts: DatedFacts; merged_into: string | null }>(
    tx,
    sql`
    select id, facts, merged_into from account where id = any(${[survivorId, loserId]}::text[])
      order by id for no key update`,
  );
  const of = (id: string) => found.find((one) => one.id === id);
  const [survivor, loser] = [of(survivorId), of(loserId)];
  if (!survivor) return { done: false, why: "no-account", id: survivorId };
  if (!loser) return { done: false, why: "no-account", id: loserId };
  if (loser.merged_into === survivorId) return { done: false, why: "one-already" };
  for (const { id, merged_into: into } of [survivor, loser])
    if (into !== null) return { done: false, why: "merged", id, into };

  await send(
    tx,
    sql`
    update account set merged_into = ${survivorId}, merged_at = ${new Date(now)}
      where id = ${loserId} or merged_into = ${loserId}`,
  );
  await send(
    tx,
    sql`update account_alias set account_id = ${survivorId} where account_id = ${loserId}`,
  );
  await moveFlags(tx, { survivorId, loserId }, now);
  const facts = factsOfMergedAccount(survivor.facts, loser.facts);
  await send(
    tx,
    sql`update account set facts = ${JSON.stringify(facts)}::jsonb where id = ${survivorId}`,
  );
  const moved = await rows<{ id: string }>(
    tx,
    sql`
    update lead set account_id = ${survivorId} where account_id = ${loserId} returning id`,
  );
  const open = await rows<{ id: string }>(
    tx,
    sql`
    select subject_id as id from process p join lead l on l.id = p.subject_id
    where p.subject_kind = 'lead' and l.account_id = ${survivorId} and l.erased_at is null
      and p.stage not in ('opportunity', 'disqualified') order by 1`,
  );
  await enqueueAll(
    tx,
    open.map(({ id }) => leadSignal(id, "signal", "factsChanged", { id }, 2)),
    now,
  );
  await wantCrmSyncs(
    tx,
    moved.map(({ id }) => id),
    `account-merged/${loserId}`,
    now,
  );
  await audit(
    tx,
    {
      actor: by,
      what: "account.merged",
      subject: loserId,
      detail: { into: survivorId, leads: moved.length },
    },
    now,
  );
  return { done: true, survivorId, leads: moved.length };
}

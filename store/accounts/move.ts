import type { DatedFacts } from "../../handoff/facts/merge-facts.ts";
import { isClosed } from "../../handoff/stage.ts";
import { isoOf } from "../../handoff/time/dates.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { claimAccounts, saveAccounts } from "../intake/accounts.ts";
import { enqueueAccountNews } from "../intake/facts.ts";
import { absorb, auditMoves, lockPeople, moveOf, savePeople } from "../intake/people.ts";
import type { Tx } from "../postgres/db.ts";
import { enqueue, leadSignal } from "../postgres/outbox.ts";
import { wantCrmSync } from "../process/take-action.ts";

export interface LeadMove {
  readonly leadId: string;
  /** The account, by its id or by its registrable domain; one that is not there is made. */
  readonly to: { readonly account: string } | { readonly domain: string };
  /** Who said so. */
  readonly by: string;
}

export type MovedLead =
  | { readonly done: "moved"; readonly from: string | null; readonly to: string }
  | { readonly done: "was-there"; readonly to: string }
  | { readonly done: null; readonly why: "no-lead" | "erased" | "no-account" };

/**
 * Puts a lead at an account because a person said so: from then on only a person or the CRM moves
 * it. Its open handoff stays with who has it; what follows from the facts of the other company is
 * decided by its process, and the CRM is made equal. Audited like every move.
 */
export async function moveLead(
  tx: Tx,
  { leadId, to, by }: LeadMove,
  now: Instant,
): Promise<MovedLead> {
  const person = (await lockPeople(tx, [leadId])).get(leadId);
  if (!person) return { done: null, why: "no-lead" };
  if (person.erased) return { done: null, why: "erased" };
  const ids = "account" in to ? [to.account] : [];
  const claimed = await claimAccounts(
    tx,
    {
      domains: "domain" in to ? [to.domain] : [],
      crmIds: [],
      ids: person.accountId === null ? ids : [...ids, person.accountId],
    },
    "person",
    now,
  );
  const account = "account" in to ? claimed.byId.get(to.account) : claimed.byDomain.get(to.domain);
  if (!account) return { done: null, why: "no-account" };
  const before = { account: person.accountId, facts: account.facts };
  const at = isoOf(now);
  // What was told of another company is not this one's domain.
  const { "account.domain": _, ...facts } = person.facts;
  person.facts = facts;
  const told: DatedFacts =
    account.domain === null
      ? {}
      : { "account.domain": { value: account.domain, from: "person", at } };
  person.toldBy = by;
  absorb(person, account, told);
  const candidates = (person.placed?.candidates ?? []).filter((one) => one.by !== "person");
  const why = "a person has said where the lead belongs";
  person.placed = {
    by: "person",
    at,
    name: account.id,
    who: by,
    candidates: [
      { by: "person", name: account.id, passedOver: null },
      ...candidates.map((one) => ({ ...one, passedOver: one.passedOver ?? why })),
    ],
  };
  person.dirty = true;
  await savePeople(tx, [person], now);
  if (account.facts !== before.facts) await saveAccounts(tx, [account]);
  if (account.id === before.account) return { done: "was-there", to: account.id };
  await enqueueAccountNews(
    tx,
    new Map([[account.id, { state: account, before: before.facts }]]),
    [leadId],
    now,
  );
  if (!isClosed(person.stage))
    await enqueue(tx, leadSignal(leadId, "signal", "factsChanged", { id: leadId }, 1), now);
  const subject = { kind: "lead" as const, id: leadId };
  await wantCrmSync(tx, subject, { key: `lead/${leadId}/moved/${now}`, handoffId: null }, now);
  const move = moveOf(person, before.account);
  await auditMoves(tx, [move ? { ...move, by } : { leadId, from: null, to: account.id, by }], now);
  return { done: "moved", from: before.account, to: account.id };
}

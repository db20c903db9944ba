import type { Instant } from "../handoff/calendar.ts";
import { checkEmail } from "../handoff/email.ts";
import { deriveFacts } from "../handoff/lead.ts";
import type { DatedFacts } from "../handoff/merge-facts.ts";
import { claimAccounts, saveAccounts, type AccountState } from "./accounts.ts";
import { normalEmail } from "./arrivals.ts";
import { addConflicts } from "./conflicts.ts";
import { rows, sql, type Tx } from "./db.ts";
import { addAliases, findLeads, lockIdentities, type Identity } from "./identities.ts";
import { aboutLead, tellAll } from "./outbox.ts";
import { absorb, lockPeople, savePeople, wantedDomain } from "./people.ts";

/**
 * Merges parsed facts (`normalizeFact`) into a lead and its account; newer beats older, whatever order they come in. Gives the fields
 * whose value changed; the caller tells the lead's process. Other leads of the account are told here when news of the
 * account can suppress them. An e-mail that belongs to another lead is kept as a fact and noted as a conflict.
 * Throws when there is no such lead: ids come from our own rows.
 */
export async function mergeFacts(
  tx: Tx,
  leadId: string,
  facts: DatedFacts,
  now: Instant,
): Promise<{ changed: string[] }> {
  const given = facts["lead.email"];
  const email =
    typeof given?.value === "string" && checkEmail(given.value).ok
      ? normalEmail(given.value)
      : null;
  const incoming =
    given && email !== null ? { ...facts, "lead.email": { ...given, value: email } } : facts;
  const names: Identity[] = email === null ? [] : [{ kind: "email", value: email }];
  await lockIdentities(tx, names, false);
  const holder = email === null ? undefined : (await findLeads(tx, names)).get(`email:${email}`);
  const person = (await lockPeople(tx, [leadId])).get(leadId);
  if (!person) throw new Error(`there is no lead ${leadId}`);
  if (person.erased) return { changed: [] };

  const from = Object.values(incoming)[0]?.from ?? "person";
  const derived =
    email === null ? undefined : deriveFacts({ "lead.email": email })["account.domain"];
  const domain = wantedDomain(person, incoming, typeof derived === "string" ? derived : null);
  const claimed = await claimAccounts(
    tx,
    {
      domains: domain === undefined ? [] : [domain],
      ids: person.accountId === null ? [] : [person.accountId],
    },
    from,
    now,
  );
  const account =
    domain === undefined ? claimed.byId.get(person.accountId ?? "") : claimed.byDomain.get(domain);
  const before = account?.facts;
  absorb(person, account, incoming);
  if (account && account.facts !== before) await saveAccounts(tx, [account]);

  if (
    email !== null &&
    person.facts["lead.email"]?.value === email &&
    (holder ?? leadId) === leadId &&
    person.email !== email
  ) {
    person.email = email;
    person.dirty = true;
  }
  await savePeople(tx, [person], now);
  if (email !== null && holder === undefined)
    await addAliases(tx, [{ kind: "email", value: email, leadId }], now);
  if (holder !== undefined && holder !== leadId)
    await addConflicts(tx, [{ leadId, otherId: holder, kind: "email" }], now);
  if (account && before)
    await tellAccountNews(tx, new Map([[account.id, { state: account, before }]]), [leadId], now);
  return { changed: [...person.changed] };
}

/** What can suppress every lead of an account at once. */
const suppressing = [
  "account.customer",
  "account.competitor",
  "account.openOpportunities",
] as const;

/** Tells the open leads of accounts whose suppressing facts changed, except those that are told anyway. */
export async function tellAccountNews(
  tx: Tx,
  accounts: ReadonlyMap<string, { state: AccountState; before: DatedFacts }>,
  told: readonly string[],
  now: Instant,
): Promise<void> {
  const changed = [...accounts.values()].filter(({ state, before }) =>
    suppressing.some((field) => state.facts[field]?.value !== before[field]?.value),
  );
  if (changed.length === 0) return;
  const open = await rows<{ id: string }>(
    tx,
    sql`
    select id from lead where account_id = any(${changed.map(({ state }) => state.id)}::text[])
      and stage not in ('opportunity', 'disqualified') and not id = any(${told}::text[]) order by id`,
  );
  await tellAll(
    tx,
    open.map(({ id }) => aboutLead(id, "signal", "factsChanged", { id }, 2)),
    now,
  );
}

import type { Agreement } from "../../handoff/agreement.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { checkEmail } from "../../handoff/facts/email.ts";
import { suppressionFields } from "../../handoff/facts/fact-rights.ts";
import type { FactValue, FieldPath } from "../../handoff/facts/facts.ts";
import { asOfReceipt, type DatedFacts } from "../../handoff/facts/merge-facts.ts";
import { domainOfEmail } from "../../spellings/domain.ts";
import { normalEmail } from "../../spellings/email.ts";
import { claimAccounts, saveAccounts, type AccountState } from "./accounts.ts";
import { addConflicts } from "./conflicts.ts";
import { rows, sql, type Tx } from "../postgres/db.ts";
import { addAliases, findLeads, lockIdentities, type Identity } from "./identities.ts";
import { leadSignal, enqueueAll } from "../postgres/outbox.ts";
import {
  absorb,
  lockPeople,
  moveOf,
  placedBy,
  placingOf,
  savePeople,
  type Move,
} from "./people.ts";

/**
 * Merges parsed facts (`normalizeFact`) into a lead and its account; newer beats older, whatever
 * order they come in. Gives the fields whose value changed; the caller tells the lead's process.
 * Other leads of the account are told here when news of the account can suppress them. An e-mail
 * that belongs to another lead stays that lead's, and is a conflict. Who may set the facts is
 * the door's to judge, except whether an address may put the lead at an account (`mayPlace`): that
 * is known only under the lock. A lead that went from one account to another is `moved`; the
 * caller audits it. `by`: who told them. Throws when there is no such lead: ids come from our own rows.
 */
export async function saveFacts(
  tx: Tx,
  leadId: string,
  told: DatedFacts,
  now: Instant,
  {
    agreement,
    mayPlace = true,
    by = null,
  }: {
    readonly agreement: Agreement;
    readonly mayPlace?: boolean;
    readonly by?: string | null;
  },
): Promise<FactsMerged> {
  const facts = asOfReceipt(told, now);
  const given = facts["lead.email"];
  const address =
    typeof given?.value === "string" && checkEmail(normalEmail(given.value)).ok
      ? normalEmail(given.value)
      : null;
  const names: Identity[] = address === null ? [] : [{ kind: "email", value: address }];
  await lockIdentities(tx, names, false);
  const holder =
    address === null ? undefined : (await findLeads(tx, names)).get(`email:${address}`);
  const isOthers = holder !== undefined && holder !== leadId;
  const email = isOthers ? null : address;
  const { "lead.email": _, ...withoutEmail } = facts;
  const incoming = isOthers
    ? withoutEmail
    : given && email !== null
      ? { ...facts, "lead.email": { ...given, value: email } }
      : facts;
  const person = (await lockPeople(tx, [leadId])).get(leadId);
  if (!person) throw new Error(`there is no lead ${leadId}`);
  if (person.erased) return { changed: [], moved: null, conflictsWith: [] };

  person.toldBy = by;
  const from = Object.values(incoming)[0]?.from ?? "person";
  const placingBy = (news: DatedFacts, emailDomain: string | null) =>
    placingOf(person, news, { emailDomain, crmAccountId: null, domains: agreement.emailDomains });
  const place = placingBy(incoming, domainOf(email));
  const belongsTo = placingBy({}, domainOf(person.facts["lead.email"]?.value)).wanted?.name;
  const { wanted } = place;
  if (!mayPlace && wanted !== null && wanted.name !== belongsTo) throw new PlacementRefused();
  const claimed = await claimAccounts(
    tx,
    {
      domains: wanted === null ? [] : [wanted.name],
      crmIds: [],
      ids: person.accountId === null ? [] : [person.accountId],
    },
    from,
    now,
  );
  const account =
    wanted === null ? claimed.byId.get(person.accountId ?? "") : claimed.byDomain.get(wanted.name);
  if (wanted !== null && account && account.id !== person.accountId)
    Object.assign(person, { placed: placedBy(place, wanted, account, now), dirty: true });
  const before = account?.facts;
  const accountBefore = person.accountId;
  absorb(person, account, incoming);
  if (account && account.facts !== before) await saveAccounts(tx, [account]);

  if (email !== null && person.facts["lead.email"]?.value === email && person.email !== email) {
    person.email = email;
    person.dirty = true;
  }
  await savePeople(tx, [person], now);
  if (email !== null && holder === undefined)
    await addAliases(tx, [{ kind: "email", value: email, leadId }], now);
  const open = isOthers
    ? await addConflicts(tx, [{ leadId, otherId: holder, kind: "email" }], { agreement, now })
    : new Set<string>();
  if (account && before)
    await enqueueAccountNews(
      tx,
      new Map([[account.id, { state: account, before }]]),
      [leadId],
      now,
    );
  return {
    changed: [...person.changed],
    moved: moveOf(person, accountBefore) ?? null,
    conflictsWith: isOthers && open.has(`${leadId}/${holder}`) ? [holder] : [],
  };
}

/**
 * What came of it: the fields with another value, the lead's way from one account to another, and
 * the lead whose address was told, where nobody has said that they are two people.
 */
export interface FactsMerged {
  readonly changed: readonly FieldPath[];
  readonly moved: Move | null;
  readonly conflictsWith: readonly string[];
}

/**
 * The address would put the lead at an account that it does not belong to, and its teller may not
 * do that.
 */
export class PlacementRefused extends Error {
  constructor() {
    super("an address may not put the lead at an account here");
    this.name = "PlacementRefused";
  }
}

/** The domain of the account that an address points to. */
function domainOf(email: FactValue | null | undefined): string | null {
  return typeof email === "string" ? domainOfEmail(email) : null;
}

/** What can suppress every lead of an account at once. */
const suppressing = suppressionFields.filter((field) => field.startsWith("account."));

/**
 * Tells the open leads of accounts whose suppressing facts changed, except those that are told
 * anyway.
 */
export async function enqueueAccountNews(
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
    select id from lead_standing
      where account_id = any(${changed.map(({ state }) => state.id)}::text[])
      and stage not in ('opportunity', 'disqualified') and not id = any(${told}::text[])
        order by id`,
  );
  await enqueueAll(
    tx,
    open.map(({ id }) => leadSignal(id, "signal", "factsChanged", { id }, 2)),
    now,
  );
}

import { hash } from "node:crypto";
import type { Instant } from "../../handoff/time/calendar.ts";
import { rows, send, sql, type Db, type Tx } from "../postgres/db.ts";

/** A name under which a person is known; the kinds are those of `lead_alias`. */
export interface Identity {
  readonly kind: "lead" | "crm" | "email" | "external" | "user" | "anonymous";
  readonly value: string;
}

/**
 * Of two names that point to different leads the earlier kind decides (our id, then the CRM's, then
 * e-mail).
 */
export const precedence: readonly Identity["kind"][] = [
  "lead",
  "crm",
  "email",
  "external",
  "user",
  "anonymous",
];

export function identityKey(identity: Identity): string {
  return `${identity.kind}:${identity.value}`;
}

/**
 * One bulk batch at a time, so that the names it locks stay well below the server's lock table. The
 * number is arbitrary.
 */
const BULK = 7_201_701;

/**
 * Until the transaction ends nobody else may take in the same people: of arrivals of one person at
 * one time the first makes the lead and the others find it. Locks are taken in one order, so two
 * batches never wait for each other.
 */
export async function lockIdentities(
  tx: Tx,
  identities: readonly Identity[],
  bulk: boolean,
): Promise<void> {
  if (bulk) await send(tx, sql`select pg_advisory_xact_lock(${BULK})`);
  const keys = [...new Set(identities.map((identity) => lockNumber(identityKey(identity))))].sort(
    (a, b) => (a < b ? -1 : a > b ? 1 : 0),
  );
  if (keys.length > 0)
    await send(
      tx,
      sql`select pg_advisory_xact_lock(key) from unnest(${keys.map(String)}::bigint[]) as key`,
    );
}

/** The lead behind each name, by `identityKey`; a merged lead's names lead to the survivor. */
export async function findLeads(
  db: Db,
  identities: readonly Identity[],
): Promise<Map<string, string>> {
  const valuesOf = (kind: Identity["kind"]) =>
    identities.filter((identity) => identity.kind === kind).map((identity) => identity.value);
  const found = await rows<{ kind: Identity["kind"]; value: string; id: string }>(
    db,
    sql`
    with recursive hit as (
      select a.kind, a.value, a.lead_id as id
      from unnest(${identities.map((one) => one.kind)}::text[],
        ${identities.map((one) => one.value)}::text[]) as k(kind, value)
      join lead_alias a using (kind, value)
      union select 'email', email, id from lead where email = any(${valuesOf("email")}::text[])
      union select 'crm', crm_id, id from lead where crm_id = any(${valuesOf("crm")}::text[])
      union select 'lead', id, id from lead where id = any(${valuesOf("lead")}::text[])
    ), followed as (
      select kind, value, id, 0 as depth from hit
      union all select f.kind, f.value, (select merged_into from process where subject_kind = 'lead'
        and subject_id = f.id), f.depth + 1 from followed f where f.id is not null and f.depth < 20
    )
    select distinct on (kind, value) kind, value, id from followed where id is not null
      order by kind, value, depth desc`,
  );
  return new Map(found.map((one) => [identityKey(one), one.id]));
}

/**
 * Remembers names. A name that is taken stays where it is, except an anonymous one: a shared
 * browser belongs to the person who signed in last.
 */
export async function addAliases(
  tx: Tx,
  aliases: readonly (Identity & { readonly leadId: string })[],
  now: Instant,
): Promise<void> {
  const kept = aliases.filter((alias) => alias.kind !== "lead");
  if (kept.length === 0) return;
  const last = [...new Map(kept.map((alias) => [identityKey(alias), alias])).values()];
  await send(
    tx,
    sql`
    insert into lead_alias (kind, value, lead_id, since)
    select kind, value, lead_id, ${new Date(now)}
    from unnest(${last.map((one) => one.kind)}::text[], ${last.map((one) => one.value)}::text[],
      ${last.map((one) => one.leadId)}::text[]) as t(kind, value, lead_id)
    order by kind, value
    on conflict (kind, value) do update set lead_id = excluded.lead_id, since = excluded.since
    where lead_alias.kind = 'anonymous' and lead_alias.lead_id <> excluded.lead_id`,
  );
}

function lockNumber(key: string): bigint {
  return hash("sha256", key, "buffer").readBigInt64BE(0);
}

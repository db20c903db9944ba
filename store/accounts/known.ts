import type { AccountRules, Agreement } from "../../handoff/agreement.ts";
import { signalsFrom, type KnownAccount } from "../../handoff/accounts/standing.ts";
import type { FactValue } from "../../handoff/facts/facts.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { rows, type Db } from "../postgres/db.ts";
import type { StoredFact } from "../process/subject.ts";

/** An account with all that it is judged by. */
export interface KnownStored {
  readonly id: string;
  /** The account that it is part of now. */
  readonly mergedInto: string | null;
  readonly openFlag: string | null;
  readonly known: KnownAccount;
}

/**
 * Accounts as they are known now. Their people are read from the latest engagements that are kept;
 * with `counted` from all engagements, to compare the two.
 */
export async function knownAccounts(
  db: Db,
  ids: readonly string[],
  { signals }: Pick<Agreement, "signals">,
  { engaged }: Pick<AccountRules, "engaged">,
  now: Instant,
  from: "kept" | "counted" = "kept",
): Promise<KnownStored[]> {
  if (ids.length === 0) return [];
  const types = signalsFrom(signals, engaged.depth);
  const since = new Date(now - engaged.withinMs);
  const people =
    from === "kept"
      ? `select max(c.at) as at from contact_engagement c where c.account_id = a.id
          and c.type = any($2::text[]) and c.at >= $3 group by c.lead_id`
      : `select max(e.occurred_at) as at from lead l join engagement e on e.lead_id = l.id
          where l.account_id = a.id and e.type = any($2::text[]) and e.occurred_at >= $3
          group by l.id`;
  const found = await rows<{
    id: string;
    merged_into: string | null;
    facts: Readonly<Record<string, StoredFact>>;
    pipeline: number;
    people: readonly number[] | null;
    flag_id: string | null;
    raised_at: Date | null;
    ended_at: Date | null;
  }>(db, {
    text: `
    select a.id, a.merged_into, a.facts,
      (select count(*)::int from lead l join opportunity o on o.lead_id = l.id
        where l.account_id = a.id and o.won_at is null and o.lost_at is null) as pipeline,
      (select json_agg(floor(extract(epoch from p.at) * 1000)::bigint) from (${people}) p) as people,
      f.id as flag_id, f.raised_at, f.ended_at
    from account a left join lateral (select id, raised_at, ended_at from account_flag
      where account_id = a.id order by ended_at is null desc, raised_at desc, id desc limit 1) f
      on true
    where a.id = any($1::text[]) order by a.id`,
    values: [ids, types, since],
  });
  return found.map((row) => ({
    id: row.id,
    mergedInto: row.merged_into,
    openFlag: row.ended_at === null ? row.flag_id : null,
    known: {
      facts: factsOf(row.facts, row.pipeline),
      people: row.people ?? [],
      flag:
        row.raised_at === null
          ? null
          : { raisedAt: row.raised_at.getTime(), endedAt: row.ended_at?.getTime() ?? null },
      now,
    },
  }));
}

/** Open opportunities of its leads are counted from ours, as for a lead. */
function factsOf(
  stored: Readonly<Record<string, StoredFact>>,
  pipeline: number,
): Readonly<Record<string, FactValue>> {
  const flat = Object.fromEntries(Object.entries(stored).map(([path, { value }]) => [path, value]));
  const told = flat["account.openOpportunities"];
  const open = Math.max(pipeline, typeof told === "number" ? told : 0);
  // Ours are all that there are, unless somebody tells of more.
  return { ...flat, "account.openOpportunities": open };
}

import type { Agreement } from "../../handoff/agreement.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Engagement, Facts } from "../../handoff/facts/facts.ts";
import type { StandingLead } from "../../handoff/governance/planning.ts";
import { isExplored, mayBeExplored } from "../../handoff/qualify/exploration.ts";
import { judgeNow, type Judgement } from "../../handoff/qualify/qualify.ts";
import { returns } from "../../handoff/answers/renurture.ts";
import { isClosed } from "../../handoff/stage.ts";
import { fragment, rows, send, sql, type Db, type Tx } from "../postgres/db.ts";
import { withCompany } from "../../spellings/domain.ts";
import { otherMatchesOf } from "./matches.ts";
import { flatFacts, type AccountRow, type LeadRow } from "../process/subject.ts";

/**
 * A lead judged as it is known now, and whether the engagements named in the question made the
 * difference.
 */
export interface Judged {
  readonly now: Judgement;
  /**
   * A threshold was crossed: the verdict is another than without them, or a return condition holds
   * only with them.
   */
  readonly crossed: boolean;
}

/**
 * A lead that the transaction under way has made, with all that is known of it: it is judged
 * without reading it back.
 */
export interface NewLead {
  readonly id: string;
  readonly facts: Facts;
  readonly engagements: readonly Engagement[];
}

/**
 * Judges leads from what is stored, and new ones from what came with them, and keeps their scores.
 * `newOnes` are the message ids that have just come in for a lead. Call it with the leads locked,
 * or two engagements that cross a threshold only together may both miss it. A new lead crosses
 * nothing: its process starts with all of it.
 */
export async function rescore(
  tx: Tx,
  leadIds: readonly string[],
  newOnes: ReadonlyMap<string, ReadonlySet<string>>,
  agreement: Agreement,
  now: Instant,
  newLeads: readonly NewLead[] = [],
): Promise<Map<string, Judged>> {
  const judged = new Map<string, Judged>(
    newLeads.map(({ id, facts, engagements }) => [
      id,
      {
        now: judgeNow(agreement, { facts, engagements: latest(engagements), now, matches: 1 }),
        crossed: false,
      },
    ]),
  );
  if (leadIds.length > 0) {
    const [leads, engagements, matches] = await Promise.all([
      readLeads(tx, leadIds),
      readEngagements(tx, leadIds),
      otherMatchesOf(tx, leadIds),
    ]);
    for (const { lead, account } of leads) {
      const known = {
        facts: withCompany(flatFacts(lead, account), agreement.emailDomains),
        now,
        matches: 1 + (matches.get(lead.id) ?? 0),
      };
      const all = engagements.get(lead.id) ?? [];
      const verdict = judgeNow(agreement, { ...known, engagements: all });
      const added = newOnes.get(lead.id);
      const before = added && all.filter((one) => !added.has(one.id));
      judged.set(lead.id, {
        now: verdict,
        crossed: before !== undefined && crosses(agreement, lead, known, before, all, verdict),
      });
    }
  }
  if (judged.size > 0) await keep(tx, judged, now);
  return judged;
}

/** Leads with all by which they are judged. Those that are gone are left out. */
export async function knownLeads(
  db: Db,
  leadIds: readonly string[],
  now: Instant,
): Promise<StandingLead[]> {
  const [leads, engagements, matches] = await Promise.all([
    readLeads(db, leadIds),
    readEngagements(db, leadIds),
    otherMatchesOf(db, leadIds),
  ]);
  return leads.map(({ lead, account }) => ({
    id: lead.id,
    stage: lead.stage,
    cycle: lead.cycle,
    known: {
      facts: withCompany(flatFacts(lead, account)),
      engagements: engagements.get(lead.id) ?? [],
      matches: 1 + (matches.get(lead.id) ?? 0),
      now,
    },
  }));
}

function crosses(
  agreement: Agreement,
  lead: ReadLead,
  known: { facts: ReturnType<typeof flatFacts>; now: Instant; matches: number },
  before: readonly Engagement[],
  all: readonly Engagement[],
  verdict: Judgement,
): boolean {
  if (isClosed(lead.stage)) return false;
  if (lead.stage === "renurture") {
    const exit = {
      at: (lead.exit_at ?? lead.stage_since).getTime(),
      intent: lead.exit_intent ?? 0,
      ...(lead.revisit_on === null ? {} : { revisitOn: lead.revisit_on }),
    };
    const isDue = returns(agreement, { ...known, engagements: all, exit }).due;
    const wasDue = returns(agreement, { ...known, engagements: before, exit }).due;
    return isDue && (!wasDue || raisesHand(agreement, before, all));
  }
  if (lead.stage !== "new" && lead.stage !== "nurture") return false;
  const was = judgeNow(agreement, { ...known, engagements: before }).verdict;
  // Something holds back who would be handed off already: a person hears of each raised hand.
  if (was === "hand-off" && raisesHand(agreement, before, all)) return true;
  if (was !== verdict.verdict) return true;
  if (was !== "nurture" || !mayBeExplored(lead)) return false;
  const explored = (engagements: readonly Engagement[]) =>
    isExplored(agreement, lead.id, { ...known, engagements });
  return explored(before) !== explored(all);
}

function raisesHand(
  { signals }: Agreement,
  before: readonly Engagement[],
  all: readonly Engagement[],
): boolean {
  const known = new Set(before.map(({ id }) => id));
  return all.some(({ id, type }) => !known.has(id) && signals[type]?.depth === "high");
}

type ReadLead = Pick<LeadRow, (typeof readColumns)[number]>;

/** What judging asks of the row: a plan reads a hundred thousand. */
const readColumns = [
  "id",
  "facts",
  "stage",
  "stage_since",
  "cycle",
  "exit_at",
  "exit_intent",
  "revisit_on",
] as const;
const readList = fragment(readColumns.map((column) => `l.${column}`).join(", "));

async function readLeads(
  db: Db,
  leadIds: readonly string[],
): Promise<{ lead: ReadLead; account: Pick<AccountRow, "facts"> | undefined }[]> {
  const found = await rows<ReadLead & { account_facts: AccountRow["facts"] | null }>(
    db,
    sql`
    select ${readList}, a.facts as account_facts
    from lead_standing l left join account a on a.id = l.account_id
      where l.id = any(${leadIds}::text[])`,
  );
  return found.map(({ account_facts: facts, ...lead }) => ({
    lead,
    account: facts === null ? undefined : { facts },
  }));
}

const mostEngagements = 500;

/** As `readEngagements` gives them. */
function latest(engagements: readonly Engagement[]): Engagement[] {
  return [...engagements]
    .sort((a, b) => b.occurredAt - a.occurredAt || (a.id < b.id ? 1 : -1))
    .slice(0, mostEngagements);
}

/** The latest 500 of each lead, the newest first, as decisions read them. */
export async function readEngagements(
  db: Db,
  leadIds: readonly string[],
): Promise<Map<string, Engagement[]>> {
  const found = await rows<{
    lead_id: string;
    message_id: string;
    type: string;
    topic: string | null;
    occurred_at: Date;
  }>(
    db,
    sql`
    select e.* from unnest(${leadIds}::text[]) as l(id) cross join lateral (
      select lead_id, message_id, type, topic, occurred_at from engagement where lead_id = l.id
        order by occurred_at desc, message_id desc limit ${mostEngagements}) e`,
  );
  const byLead = new Map<string, Engagement[]>();
  for (const row of found) {
    const engagement = {
      id: row.message_id,
      type: row.type,
      occurredAt: row.occurred_at.getTime(),
      ...(row.topic === null ? {} : { topic: row.topic }),
    };
    byLead.set(row.lead_id, [...(byLead.get(row.lead_id) ?? []), engagement]);
  }
  return byLead;
}

async function keep(tx: Tx, judged: ReadonlyMap<string, Judged>, now: Instant): Promise<void> {
  const list = [...judged].sort(([a], [b]) => (a < b ? -1 : 1));
  await send(
    tx,
    sql`
    insert into score (lead_id, fit, intent, band, at)
    select id, fit, intent, band, ${new Date(now)}
    from unnest(${list.map(([id]) => id)}::text[], ${list.map(([, one]) => one.now.fit)}::float8[],
      ${list.map(([, one]) => one.now.intent)}::float8[],
      ${list.map(([, one]) => one.now.band)}::text[]) as t(id, fit, intent, band)
    on conflict (lead_id) do update
      set fit = excluded.fit, intent = excluded.intent, band = excluded.band, at = excluded.at`,
  );
}

import type { RulePath } from "../../handoff/agreement.ts";
import { rateOf, standardised, type Rate } from "../../handoff/reviews/figures.ts";
import type { ProposalFigures } from "../../handoff/reviews/proposals.ts";
import {
  changedRules,
  placesByKey,
  ruleKey,
  ruleName,
  rulesOf,
} from "../../handoff/reviews/rules.ts";
import { firstRow, sql } from "../postgres/db.ts";
import { acceptanceReport } from "../reports/acceptance.ts";
import { bandsReport } from "../reports/bands.ts";
import { campaignsReport } from "../reports/campaigns.ts";
import { isRejected, n, ofCohort } from "../reports/cohort.ts";
import { rejectionsReport } from "../reports/rejections.ts";
import { repsReport } from "../reports/reps.ts";
import type { ReportAsk, ReportRow } from "../reports/report.ts";
import { routingReport } from "../reports/routing.ts";
import { slaReport } from "../reports/sla.ts";
import type { PacketAsk } from "./packet-ask.ts";

const day = 86_400_000;

/** How far back proposals look, so that there are cases enough to say something. */
const lookBackDays = { weekly: 28, monthly: 91, quarterly: 182 } as const;

/** Asks the reports for what proposals are computed from, up to the end of the period. */
export async function proposalFigures(packet: PacketAsk): Promise<ProposalFigures> {
  const { db, agreements, to, asOf, kind } = packet;
  const ask: ReportAsk = {
    db,
    agreements,
    from: to - lookBackDays[kind] * day,
    to,
    asOf,
    knowledge: "now",
    filters: {},
    groupBy: null,
    repIds: null,
  };
  return {
    reasons: await reasonsOf(ask, packet),
    bands: (await bandsReport.rows(ask)).flatMap((row) =>
      row["band"] === null ? [] : [{ band: text(row, "band"), rate: rate(row, "qualifiedRate") }],
    ),
    clocks: await clocksOf(ask),
    signals: await signalsOf(ask),
    territories: await territoriesOf(ask),
    campaigns: campaignsOf(await campaignsReport.rows(ask)),
    versions: await versionsOf(ask, packet),
    people: await peopleOf(ask),
  };
}

const rate = (row: ReportRow, column: string) => row[column] as Rate;
const text = (row: ReportRow, column: string) => (row[column] as string | null) ?? "not recorded";
const amount = (row: ReportRow, column: string) => row[column] as number | null;
const isRecorded = (row: ReportRow, column: string) => row[column] !== null;

/** Reasons now and as long before, each at the same age. */
async function reasonsOf(
  ask: ReportAsk,
  { version }: Pick<PacketAsk, "version">,
): Promise<ProposalFigures["reasons"]> {
  const length = ask.to - ask.from;
  const now = await rejectionsReport.rows(ask);
  const before = await rejectionsReport.rows({
    ...ask,
    from: ask.from - length,
    to: ask.from,
    asOf: ask.asOf - length,
  });
  const totalBefore = before.find((row) => !isRecorded(row, "reason"));
  const demandable = new Map(
    rulesOf(version.agreement)
      .filter(({ kind }) => kind === "condition" || kind === "checklist" || kind === "fit points")
      .map((rule) => [ruleName(rule, version.agreement), ruleKey(rule)]),
  );
  const sorted = await sortedBy(ask);
  return now
    .filter((row) => isRecorded(row, "reason"))
    .map((row) => {
      const reason = text(row, "reason");
      const was = before.find((one) => text(one, "reason") === reason);
      const none = rateOf(0, totalBefore ? rate(totalBefore, "ofAnswered").denominator : 0);
      const accused = row["accused"] as readonly string[];
      return {
        reason,
        mostInMonth: amount(row, "mostInMonth") ?? 0,
        now: rate(row, "ofAnswered"),
        before: was ? rate(was, "ofAnswered") : none,
        accused,
        sorted: accused.flatMap((rule) => {
          const key = demandable.get(rule);
          return key === undefined
            ? []
            : [{ rule, rejected: sorted(reason, key), accepted: sorted(null, key) }];
        }),
      };
    });
}

/**
 * How many of those rejected for a reason, or accepted (null), did not meet a rule, by its key; of
 * handoffs under versions that have the rule.
 */
async function sortedBy(ask: ReportAsk): Promise<(reason: string | null, key: string) => Rate> {
  const found = await ofCohort<{
    reason: string | null;
    agreement_id: string;
    held: string[];
    n: number;
  }>(
    ask,
    () => `
    select case when ${isRejected} then substr(outcome, length('rejected: ') + 1) end as reason,
      agreement_id, held, count(*)::int as n
    from h where held is not null and (sal_at is not null or ${isRejected}) group by 1, 2, 3`,
  );
  const placesOf = new Map<string, ReadonlyMap<string, readonly RulePath[]>>();
  for (const id of new Set(found.map((row) => row.agreement_id))) {
    const { agreement } = await ask.agreements.version(ask.db, id);
    placesOf.set(id, placesByKey(agreement));
  }
  return (reason, key) => {
    const counts = { n: 0, unmet: 0 };
    for (const row of found) {
      const places = placesOf.get(row.agreement_id)?.get(key);
      if (row.reason !== reason || places === undefined) continue;
      counts.n += row.n;
      if (!places.some((at) => row.held.includes(at))) counts.unmet += row.n;
    }
    return rateOf(counts.unmet, counts.n);
  };
}

async function clocksOf(ask: ReportAsk): Promise<ProposalFigures["clocks"]> {
  const rows = await slaReport.rows({ ...ask, groupBy: "leadType" });
  const found = [];
  for (const row of rows.filter((one) => isRecorded(one, "group"))) {
    const [leadType, clock] = [text(row, "group"), text(row, "clock")];
    const all = rate(row, "onTimeRate");
    // People are asked for only where it matters.
    const isMissed = (all.rate ?? 1) < 0.5;
    const people = isMissed
      ? await slaReport.rows({ ...ask, groupBy: "rep", filters: { leadType } })
      : [];
    found.push({
      leadType,
      clock,
      rate: all,
      people: people
        .filter((one) => text(one, "clock") === clock)
        .map((one) => rate(one, "onTimeRate")),
    });
  }
  return found;
}

/** Signals, each beside what handoffs of the same bands come to without it. */
async function signalsOf(ask: ReportAsk): Promise<ProposalFigures["signals"]> {
  const found = await ofCohort<{
    signal: string | null;
    band: string | null;
    offered: number;
    sql: number;
    alone: number;
    alone_sql: number;
  }>(
    ask,
    `select signal, band, count(*)::int as offered, ${n("sql_at is not null")} as sql,
      ${n("cardinality(signals) = 1")} as alone,
      ${n("cardinality(signals) = 1 and sql_at is not null")} as alone_sql
    from h, unnest(array_append(signals, null)) as signal
    where offered_at is not null and signals is not null
    group by signal, band order by signal nulls last, band`,
  );
  // Every handoff once, under no signal's name.
  const all = found.filter(({ signal }) => signal === null);
  const names = [...new Set(found.flatMap(({ signal }) => signal ?? []))];
  return names.map((signal) => {
    const held = found.filter((row) => row.signal === signal);
    const sum = (of: "offered" | "sql" | "alone" | "alone_sql") =>
      held.reduce((total, row) => total + row[of], 0);
    const bands = held.map((row) => {
      const every = all.find(({ band }) => band === row.band);
      return {
        cases: row.offered,
        without: rateOf((every?.sql ?? 0) - row.sql, (every?.offered ?? 0) - row.offered),
      };
    });
    return {
      signal,
      rate: rateOf(sum("sql"), sum("offered")),
      without: standardised(bands),
      alone: rateOf(sum("alone_sql"), sum("alone")),
    };
  });
}
async function territoriesOf(ask: ReportAsk): Promise<ProposalFigures["territories"]> {
  const by = { ...ask, groupBy: "territory" as const };
  const routed = await routingReport.rows(by);
  const answered = await acceptanceReport.rows(by);
  return routed
    .filter((row) => isRecorded(row, "group"))
    .map((row) => {
      const territory = text(row, "group");
      const one = answered.find((other) => text(other, "group") === territory);
      return {
        territory,
        rejected: one ? rate(one, "rejectionRate") : rateOf(0, 0),
        fallback: rate(row, "fallbackRate"),
        medianHeldHours: amount(row, "medianHeld"),
      };
    });
}

/** Of each campaign, whatever sources name it. */
function campaignsOf(rows: readonly ReportRow[]): ProposalFigures["campaigns"] {
  const names = new Set(rows.flatMap((row) => (row["campaign"] === null ? [] : [row["campaign"]])));
  return [...names].map((campaign) => {
    const of = rows.filter((row) => row["campaign"] === campaign);
    const sum = (count: (row: ReportRow) => number) => of.reduce((all, row) => all + count(row), 0);
    return {
      campaign: campaign as string,
      rate: rateOf(
        sum((row) => amount(row, "accepted") ?? 0),
        sum((row) => amount(row, "mqls") ?? 0),
      ),
      qualified: sum((row) => rate(row, "qualifiedRate").numerator),
    };
  });
}

/** The version in force and the one before it, over the last year. */
async function versionsOf(
  ask: ReportAsk,
  { version }: Pick<PacketAsk, "version">,
): Promise<ProposalFigures["versions"]> {
  const last = await firstRow<{ id: string }>(
    ask.db,
    sql`select id from agreement_version where number < ${version.number}
      and activated_at is not null
      order by number desc limit 1`,
  );
  if (!last) return null;
  const before = await ask.agreements.version(ask.db, last.id);
  const year = { ...ask, from: ask.to - 365 * day };
  const of = async (id: string) => {
    const [row] = await acceptanceReport.rows({ ...year, filters: { agreement: id } });
    return row ? rate(row, "acceptanceRate") : rateOf(0, 0);
  };
  return {
    number: version.number,
    rate: await of(version.id),
    before: { number: before.number, rate: await of(before.id) },
    changed: changedRules(before.agreement, version.agreement),
  };
}

async function peopleOf(ask: ReportAsk): Promise<ProposalFigures["people"]> {
  const clocks = await slaReport.rows({ ...ask, groupBy: "rep" });
  const reps = await repsReport.rows(ask);
  return clocks
    .filter((row) => text(row, "clock") === "outreach" && isRecorded(row, "group"))
    .map((row) => {
      const rep = text(row, "group");
      const one = reps.find((other) => text(other, "rep") === rep);
      return {
        rep,
        rate: rate(row, "onTimeRate"),
        medianOpenHours: one ? amount(one, "medianOpenResponse") : null,
      };
    });
}

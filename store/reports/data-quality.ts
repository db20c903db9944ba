import { rateOf } from "../../handoff/reviews/figures.ts";
import { count, defineReport, group, rate } from "./report.ts";
import { ofLeads } from "./leads.ts";

export const dataQualityReport = defineReport({
  name: "data-quality",
  question: "Are people recorded once, and does where they came from stay as it was told?",
  period: "what happened in it",
  dimensions: ["source", "campaign"],
  readers: "both teams",
  metrics: [
    {
      name: "Duplicate rate",
      article: "criteria",
      section: "Data quality metrics that affect reporting",
      column: "duplicateRate",
    },
    {
      name: "Source attribution accuracy",
      article: "criteria",
      section: "Data quality metrics that affect reporting",
      column: "sourceKeptRate",
    },
  ],
  columns: {
    group,
    created: count("leads that arrived in the period"),
    arrivedAgain: count("times that a known person was recorded anew in the period"),
    merged: count("records merged into another in the period"),
    duplicateRate: rate("arrived again or merged / these and the leads created"),
    sourceKeptRate: rate("leads created whose source then was as at intake / leads created"),
    campaignKeptRate: rate("leads created whose campaign then was as at intake / leads created"),
  },
  picture: {
    kind: "panels",
    of: [],
    panels: [
      { title: "duplicates", rate: "duplicateRate" },
      { title: "source as at intake", rate: "sourceKeptRate" },
      { title: "campaign as at intake", rate: "campaignKeptRate" },
    ],
  },
  paragraph: {
    shares: [
      { of: "arrivals", did: "were of somebody known already", rate: "duplicateRate" },
      { of: "leads", did: "kept their source", rate: "sourceKeptRate" },
    ],
  },
  async rows(ask) {
    const changed = (field: string) => `count(distinct l.id) filter (where s.field = '${field}')`;
    const found = await ofLeads<Record<string, number> & { g: string | null }>(
      ask,
      (where, g) => `
      select g, sum(created)::int as created, sum(again)::int as again, sum(merged)::int as merged,
        sum(source_changed)::int as source_changed, sum(campaign_changed)::int as campaign_changed
      from (
        select ${g} as g, count(*) as created, 0 as again, 0 as merged, 0 as source_changed,
          0 as campaign_changed
        from lead l where l.arrived_at >= $1 and l.arrived_at < $2 and l.arrived_at <= $3${where}
          group by 1
        union all
        select ${g}, 0, 0, 0, ${changed("source")}, ${changed("campaign")}
        from source_change s join lead l on l.id = s.lead_id where s.at <= $3
          and l.arrived_at >= $1 and l.arrived_at < $2 and l.arrived_at <= $3${where} group by 1
        union all
        select ${g}, 0, count(*) filter (where d.kind = 'arrived-again'),
          count(*) filter (where d.kind = 'merged'), 0, 0
        from duplicate d join lead l on l.id = d.lead_id
        where d.at >= $1 and d.at < $2 and d.at <= $3${where} group by 1) both_kinds
      group by g order by g nulls last`,
    );
    return found.map(({ g, ...row }) => {
      const created = row["created"] ?? 0;
      const twice = (row["again"] ?? 0) + (row["merged"] ?? 0);
      return {
        group: g,
        created,
        arrivedAgain: row["again"] ?? 0,
        merged: row["merged"] ?? 0,
        duplicateRate: rateOf(twice, created + twice),
        sourceKeptRate: rateOf(created - (row["source_changed"] ?? 0), created),
        campaignKeptRate: rateOf(created - (row["campaign_changed"] ?? 0), created),
      };
    });
  },
});

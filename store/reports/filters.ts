/** By what a report can be filtered and grouped; each is frozen on the handoff. */
export const dimensions = {
  source: "h.source",
  campaign: "h.campaign",
  segment: "h.segment",
  territory: "h.territory",
  motion: "h.motion",
  leadType: "h.lead_type",
  path: "h.path",
  band: "h.band",
  /** Of the account, when the handoff began. */
  tier: "h.tier::text",
  pool: "h.pool",
  rep: "h.rep_id",
  /** Of the manager whom the rep reports to today. */
  team: "(select r.manager_id from rep r where r.id = h.rep_id)",
  agreement: "h.agreement_id",
  /** Of what the handoff is: a lead, or a flagged account as a whole. */
  subject: "h.subject_kind",
  /** When the handoff began, in UTC. */
  week: `to_char(h.mql_at at time zone 'UTC', 'IYYY-"W"IW')`,
  month: "to_char(h.mql_at at time zone 'UTC', 'YYYY-MM')",
} as const;
export type Dimension = keyof typeof dimensions;
export type Filters = Readonly<Partial<Record<Dimension, string>>>;
export const dimensionNames = Object.keys(dimensions) as [Dimension, ...Dimension[]];

/** The values of `subject`. */
export const reportSubjects = ["lead", "account"] as const;

interface Asked {
  readonly filters: Filters;
  readonly groupBy: Dimension | null;
}

/** Handoffs of what a question is about, for a sentence. */
export type Subjects = "leads" | "accounts" | "leads and accounts";

/**
 * Leads, unless the question names accounts or asks for both in lines of their own: no line counts
 * both (decision 0114).
 */
export function subjectsOf({ filters, groupBy }: Asked): Subjects {
  if (filters.subject === "account") return "accounts";
  return filters.subject === undefined && groupBy === "subject" ? "leads and accounts" : "leads";
}

/** The same as a condition on `handoff h`. */
export function subjectSql(asked: Asked): string {
  const subjects = subjectsOf(asked);
  if (subjects === "leads and accounts") return "h.subject_kind in ('lead', 'account')";
  return `h.subject_kind = '${subjects === "accounts" ? "account" : "lead"}'`;
}

/**
 * By what weeks of reports are kept beside the whole, so that a question about years that filters or
 * groups by one of them reads no handoffs. Each takes as much room as the whole; one of many values,
 * as the rep, would take many times that.
 */
export const keptDimensions = ["source", "band", "leadType", "month"] as const;
export type KeptDimension = (typeof keptDimensions)[number];

/** What is recorded of a lead before any handoff; the other dimensions begin with a handoff. */
export const leadDimensions = { source: "l.source", campaign: "l.campaign" } as const;

/**
 * `and h.band = $3 and …`, with the values put behind those that are there already. `-` asks for
 * what is not recorded.
 */
export function filterSql(
  filters: Filters,
  columns: Readonly<Partial<Record<Dimension, string>>>,
  values: unknown[],
): string {
  return Object.entries(filters)
    .map(([name, wanted]) => {
      const column = columns[name as Dimension];
      if (column === undefined) throw new RangeError(`${name} is not recorded here`);
      if (wanted === "-") return ` and ${column} is null`;
      values.push(wanted);
      return ` and ${column} = $${values.length}`;
    })
    .join("");
}

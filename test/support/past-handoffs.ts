/** A handoff of the past as it was made up: what a file says of it, and what a count counts. */
export interface MadePast {
  readonly id: string;
  readonly source: string;
  readonly rep: string;
  readonly band: string | null;
  readonly outcome: string;
  readonly reason: string | null;
  /** Days since the beginning, in quarters of a day, by step. */
  readonly at: Readonly<Partial<Record<PastStep, number>>>;
  readonly amount: number | null;
}

const pastSteps = [
  "mql",
  "handedOff",
  "outreach",
  "connected",
  "meeting",
  "sal",
  "sql",
  "opportunity",
  "end",
] as const;
export type PastStep = (typeof pastSteps)[number];

export const pastBegin = Date.parse("2025-01-06T00:00:00Z");
const quarterMs = 6 * 3_600_000;

/** The instant of a step. */
export function instantOfStep(made: MadePast, step: PastStep): number | null {
  const quarters = made.at[step];
  return quarters === undefined ? null : pastBegin + quarters * quarterMs;
}

/** Handoffs of as many people, of every outcome, each step some quarters of a day after another. */
export function makePast(random: () => number, count: number): MadePast[] {
  const pick = <T>(...of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  return Array.from({ length: count }, (_, n) => {
    let at = Math.floor(random() * 600);
    const next = () => (at += Math.floor(random() * 30));
    const outcome = pick("won", "won", "lost", "lost", "open", "rejected", "no-response");
    const isDeal = outcome === "won" || outcome === "lost" || outcome === "open";
    const isAccepted = isDeal || random() < 0.4;
    const mql = at;
    const handedOff = next();
    const outreach = random() < 0.7 ? next() : undefined;
    const connected = outreach !== undefined && random() < 0.6 ? next() : undefined;
    const meeting = connected !== undefined && random() < 0.6 ? next() : undefined;
    const sal = isAccepted ? next() : undefined;
    const sql = isDeal ? next() : undefined;
    const opportunity = isDeal ? next() : undefined;
    const end = outcome === "open" ? undefined : next() + 1;
    const steps = { mql, handedOff, outreach, connected, meeting, sal, sql, opportunity, end };
    return {
      id: `P-${n}`,
      source: pick("web", "fair", "partner"),
      rep: pick("rp_a", "rp_b", "rp_c"),
      band: pick("A", "B", "C", null),
      outcome,
      reason: outcome === "rejected" ? pick("below-company-size", "wrong-role") : null,
      at: Object.fromEntries(Object.entries(steps).filter(([, when]) => when !== undefined)),
      amount: isDeal ? Math.floor(random() * 100_000) / 100 : null,
    };
  });
}

/** The file that tells of them. */
export function pastCsv(made: readonly MadePast[]): string {
  const time = (one: MadePast, step: PastStep) => {
    const at = instantOfStep(one, step);
    return at === null ? "" : new Date(at).toISOString();
  };
  const lines = made.map((one) =>
    [
      one.id,
      `${one.id.toLowerCase()}@company${one.id.length}.com`,
      one.source,
      one.rep.replace("rp_", "Rep "),
      one.band ?? "-",
      one.outcome,
      one.reason ?? "",
      one.amount ?? "",
      ...pastSteps.map((step) => time(one, step)),
    ].join(","),
  );
  return `Id,E-mail,Source,Owner,Band,Outcome,Reason,Amount,${pastSteps.join(",")}\n${lines.join("\n")}\n`;
}

export const pastMap = `
columns:
  Id: externalId
  E-mail: lead.email
  Source: lead.source
  Owner: handoff.owner
  Band: handoff.band
  Outcome: handoff.outcome
  Reason: handoff.reason
  Amount: { to: handoff.amount, decimal: "." }
  mql: handoff.mqlAt
  handedOff: handoff.handedOffAt
  outreach: handoff.firstOutreachAt
  connected: handoff.connectedAt
  meeting: handoff.meetingAt
  sal: handoff.salAt
  sql: handoff.sqlAt
  opportunity: handoff.opportunityAt
  end: handoff.endedAt
constants: { handoff.currency: EUR }
required: [Id]
`;

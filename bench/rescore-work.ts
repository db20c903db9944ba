import { readFileSync } from "node:fs";
import { parseAgreement } from "../agreement/parse.ts";
import type { Agreement } from "../handoff/agreement.ts";
import { judgeNow, qualify } from "../handoff/qualify/qualify.ts";
import { generatedLeads } from "../test/support/generated-leads.ts";

/** What one thread judges: `explained` with gates, trace and the time of the next change. */
export interface JudgeShare {
  readonly seed: number;
  readonly leads: number;
  readonly how: "judged" | "explained";
}

export interface JudgedShare {
  readonly seconds: number;
  /** Of the whole process: it says something only where one thread works alone. */
  readonly processorSeconds: number;
  readonly handOff: number;
  readonly engagements: number;
  readonly rules: number;
}

const now = Date.parse("2026-11-23T15:00:00Z");
const together = 4_000;

/** Judges its share of generated leads. */
export function judgeShare({ seed, leads, how }: JudgeShare): JudgedShare {
  const agreement = thirtyRules();
  const judge = how === "judged" ? judgeNow : qualify;
  const sum = { seconds: 0, processorSeconds: 0, handOff: 0, engagements: 0 };
  for (let done = 0; done < leads; done += together) {
    const count = Math.min(together, leads - done);
    // As they come from a database: plain objects that nobody has looked at yet.
    const made = JSON.parse(
      JSON.stringify(generatedLeads(seed * 1_000_000 + done, count, now)),
    ) as ReturnType<typeof generatedLeads>;
    const known = made.map((lead) => ({ ...lead, now }));
    const [began, before] = [performance.now(), process.cpuUsage()];
    for (const one of known) if (judge(agreement, one).verdict === "hand-off") sum.handOff++;
    const after = process.cpuUsage();
    sum.seconds += (performance.now() - began) / 1_000;
    sum.processorSeconds += (after.user + after.system - before.user - before.system) / 1e6;
    sum.engagements += known.reduce((n, one) => n + one.engagements.length, 0);
  }
  return { ...sum, rules: rulesOf(agreement) };
}

/** The example with more of what companies add: points for who they are, and lead types. */
function thirtyRules(): Agreement {
  const example = readFileSync(new URL("../agreement/example.yaml", import.meta.url), "utf8");
  const points = [
    "{ points: 5, when: { account.country: { in: [US, CA] } } }",
    "{ points: 5, when: { account.industry: { in: [Software, Healthcare] } } }",
    "{ points: 5, when: { account.employees: { atLeast: 200, atMost: 1000 } } }",
    "{ points: 3, when: { lead.role: decision maker } }",
    '{ points: 3, when: { lead.title: { matches: "*operations*" } } }',
    "{ points: 2, when: { lead.timeline: { in: [now, this-quarter] } } }",
    "{ points: -5, when: { lead.timeline: later } }",
    "{ points: 2, when: { lead.source: { in: [referral, event] } } }",
    "{ points: 1, when: { lead.firstTouchAt: { atLeast: 2026-10-01 } } }",
    "{ points: 4, when: { any: [{ lead.motion: partner }, { engagement.topic: { in: [sla] } }] } }",
    "{ points: -3, when: { none: [{ lead.campaign: { exists: true } }] } }",
  ];
  const types = ["webinar_attended", "buyers_guide", "roi_calculator", "trial_started"].map(
    (signal) => `
  - name: after-${signal.replaceAll("_", "-")}
    path: standard
    priority: 4
    when: { all: [icp, { signal: ${signal}, within: 14 days }, { lead.seniority: { in: [vp, c-level] } }] }
    outreach: 24 hours
    status: 48 hours`,
  );
  const text = example
    .replace(/^fit: .*$/m, (line) => `${line}\n${points.map((one) => `  - ${one}`).join("\n")}`)
    .replace("\naccounts:", `${types.join("")}\n\naccounts:`);
  const parsed = parseAgreement(text);
  if (!parsed.ok)
    throw new Error(
      `the agreement of the bench does not parse: ${JSON.stringify(parsed.problems)}`,
    );
  return parsed.agreement;
}

/** Rows that a lead is asked: suppressions, points, bands, lead types. */
function rulesOf({ suppress, fit, bands, leadTypes }: Agreement): number {
  return suppress.length + fit.length + bands.length + leadTypes.length;
}

import { rateOf, smallBelow } from "../../handoff/reviews/figures.ts";
import { counted, hoursWords } from "../../handoff/reviews/words.ts";
import { ofEverySubject, hoursBetween, n } from "./cohort.ts";
import { byGroup, foldedCohort } from "./fold.ts";
import { said, sentences, tellShares, type Telling } from "./paragraph.ts";
import { count, defineReport, group, hours, leads, openHours, rate, type Fold } from "./report.ts";

/** The median of each group with enough responses, the slowest first, against the period before. */
function medianSentence({
  rows,
  before,
  groupBy,
}: Telling<{
  readonly group: string | null;
  readonly responded: number;
  readonly medianOpen: number | null;
  readonly p90Open: number | null;
}>): string {
  const isEnough = (one: { readonly responded: number }) => one.responded >= smallBelow;
  const judged = rows
    .filter((row) => isEnough(row) && row.medianOpen !== null)
    .sort((a, b) => (b.medianOpen ?? 0) - (a.medianOpen ?? 0));
  const words = judged.slice(0, 4).map((row) => {
    const of = groupBy === null ? "" : `for ${said(row.group)} `;
    const was = before?.find((one) => one.group === row.group && isEnough(one))?.medianOpen;
    const earlier = was == null ? "" : `; ${hoursWords(was)} in the period before`;
    return (
      `${of}${hoursWords(row.medianOpen ?? 0)} (nine of ten within ` +
      `${hoursWords(row.p90Open ?? 0)}, ${counted(row.responded, "response")}${earlier})`
    );
  });
  const small = rows.length - judged.length;
  return sentences(
    words.length === 0
      ? ""
      : `Median open hours from MQL to the first outreach: ${words.join(", ")}.`,
    small === 0
      ? ""
      : `Of ${counted(small, "group")} with fewer than 30 responses nothing is said.`,
  );
}

const elapsed = hoursBetween("mql_at", "first_outreach_at");
const connect = hoursBetween("offered_at", "connected_at");
const meeting = hoursBetween("offered_at", "meeting_at");
const open = "(response_system_ms + response_human_ms) / 3600000.0";
// Outreach that was made before the offer was nobody's delay but the system's.
const system = hoursBetween("mql_at", "least(offered_at, first_outreach_at)");
const human = hoursBetween("least(offered_at, first_outreach_at)", "first_outreach_at");
const answered = (of: string) => `case when first_outreach_at is not null then ${of} end`;

/** Handed off, the outreach deadline of the lead has passed, and nothing is logged. */
const stale = "(offered_at is not null and first_outreach_at is null and late_at <= $3)";

const responses: Fold = {
  name: "first-response",
  sums: {
    offered: n("offered_at is not null"),
    responded: n("first_outreach_at is not null"),
    n_stale: n(stale),
    own: n("offered_at is not null and (not imported or outreach_clock is not null)"),
  },
  percentiles: {
    ...Object.fromEntries(
      [0.5, 0.75, 0.9].flatMap((p) => [
        [`e${p * 100}`, [p, elapsed] as const],
        [`b${p * 100}`, [p, answered(open)] as const],
      ]),
    ),
    system: [0.5, system],
    human: [0.5, human],
    open_system: [0.5, answered("response_system_ms / 3600000.0")],
    open_human: [0.5, answered("response_human_ms / 3600000.0")],
    connect: [0.5, connect],
    meeting: [0.5, meeting],
  },
  leads: { stale },
};

export const firstResponseReport = defineReport({
  name: "first-response",
  question: "How long does a lead wait for the first outreach, and on whom?",
  period: "handoffs that began in it",
  dimensions: ofEverySubject,
  readers: "both teams",
  metrics: [
    {
      name: "Time to first response",
      article: "criteria",
      section: "First touch timing after handoff",
      column: "medianOpen",
    },
    {
      name: "Time to connect",
      article: "criteria",
      section: "First touch timing after handoff",
      column: "medianToConnect",
    },
    {
      name: "Time to booked meeting",
      article: "criteria",
      section: "First touch timing after handoff",
      column: "medianToMeeting",
    },
    {
      name: "Stale lead rate",
      article: "criteria",
      section: "SLA compliance as a handoff quality metric",
      column: "staleRate",
    },
  ],
  columns: {
    group,
    handedOff: count("handoffs that were put before a rep"),
    responded: count("handoffs with a first outreach by then"),
    medianElapsed: hours("median hours from MQL to the first outreach, nights included"),
    p75Elapsed: hours("three of four took at most so long, nights included"),
    p90Elapsed: hours("nine of ten took at most so long, nights included"),
    medianSystem: hours("median hours from MQL to the first offer: qualification, routing, hold"),
    medianHuman: hours("median hours from the first offer to the first outreach"),
    medianOpen: openHours("median open hours from MQL to the first outreach, pauses left out"),
    p75Open: openHours("three of four took at most so many open hours"),
    p90Open: openHours("nine of ten took at most so many open hours"),
    medianSystemOpen: openHours("median open hours before the first offer"),
    medianHumanOpen: openHours("median open hours from the first offer to the first outreach"),
    medianToConnect: hours("median hours from the first offer to a conversation"),
    medianToMeeting: hours("median hours from the first offer to a booked meeting"),
    staleRate: rate(
      "handed off, outreach overdue, nothing logged / handed off; imported ones left out, as " +
        "no clock ran for them",
    ),
    stale: leads,
  },
  picture: {
    kind: "panels",
    of: [],
    panels: [
      {
        title: "MQL to outreach, open hours",
        median: "medianOpen",
        p75: "p75Open",
        p90: "p90Open",
        target: "outreach",
      },
      { title: "of it before the offer", median: "medianSystemOpen" },
      { title: "of it after the offer", median: "medianHumanOpen" },
      { title: "overdue, nothing logged", rate: "staleRate" },
    ],
  },
  paragraph: {
    tell: (told) =>
      sentences(
        medianSentence(told),
        tellShares(
          {
            shares: [
              {
                of: "leads handed off",
                did: "were overdue with nothing logged",
                rate: "staleRate",
              },
            ],
          },
          told,
        ),
      ),
  },
  folds: [responses],
  async rows(ask) {
    const found = await foldedCohort<
      Record<string, number | null> & { g: string | null; stale: string[] | null }
    >(ask, responses);
    found.sort((a, b) => byGroup(a.g, b.g));
    return found.map((row) => ({
      group: row.g,
      handedOff: row["offered"] ?? 0,
      responded: row["responded"] ?? 0,
      medianElapsed: row["e50"] ?? null,
      p75Elapsed: row["e75"] ?? null,
      p90Elapsed: row["e90"] ?? null,
      medianSystem: row["system"] ?? null,
      medianHuman: row["human"] ?? null,
      medianOpen: row["b50"] ?? null,
      p75Open: row["b75"] ?? null,
      p90Open: row["b90"] ?? null,
      medianSystemOpen: row["open_system"] ?? null,
      medianHumanOpen: row["open_human"] ?? null,
      medianToConnect: row["connect"] ?? null,
      medianToMeeting: row["meeting"] ?? null,
      staleRate: rateOf(row["n_stale"] ?? 0, row["own"] ?? 0),
      stale: row.stale ?? [],
    }));
  },
});

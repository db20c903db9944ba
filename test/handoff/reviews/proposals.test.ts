import { describe, expect, test } from "vitest";
import { rateOf } from "../../../handoff/reviews/figures.ts";
import {
  proposalsOf,
  type ProposalFigures,
  type ProposalKind,
} from "../../../handoff/reviews/proposals.ts";

const nothing: ProposalFigures = {
  reasons: [],
  bands: [],
  clocks: [],
  signals: [],
  territories: [],
  campaigns: [],
  versions: null,
  people: [],
};
const none = rateOf(0, 0);
const reason = {
  reason: "wrong-role",
  mostInMonth: 40,
  now: rateOf(120, 400),
  before: rateOf(40, 400),
  accused: ["checklist: role fit"],
  sorted: [{ rule: "checklist: role fit", rejected: rateOf(90, 120), accepted: rateOf(20, 200) }],
};
const territory = {
  territory: "canada",
  rejected: rateOf(30, 100),
  fallback: rateOf(2, 100),
  medianHeldHours: 2,
};
const others = {
  ...territory,
  territory: "rest",
  rejected: rateOf(90, 300),
  fallback: rateOf(3, 300),
};
const campaign = { campaign: "giveaway", rate: rateOf(10, 200), qualified: 3 };
const usual = { campaign: "fair", rate: rateOf(400, 700), qualified: 150 };
const clock = {
  leadType: "demo-request",
  clock: "outreach",
  rate: rateOf(60, 300),
  people: [rateOf(20, 100), rateOf(40, 180), rateOf(4, 5)],
};
const signal = {
  signal: "webinar_attended",
  rate: rateOf(10, 300),
  without: rateOf(200, 700),
  alone: rateOf(4, 120),
};
const versions = {
  number: 4,
  rate: rateOf(80, 300),
  before: { number: 3, rate: rateOf(400, 700) },
  changed: ["leadTypes: standard-mql"],
};
const slow = { rep: "rp_1", rate: rateOf(20, 120), medianOpenHours: 7 };
const quick = { rep: "rp_2", rate: rateOf(350, 400), medianOpenHours: 1 };
const a = { band: "A", rate: rateOf(20, 300) };
const b = { band: "B", rate: rateOf(120, 400) };

const found: readonly (readonly [ProposalKind, string, Partial<ProposalFigures>])[] = [
  ["recurring-reason", "wrong-role", { reasons: [reason] }],
  ["broken-band", "A", { bands: [a, b] }],
  ["missed-sla", "demo-request, outreach", { clocks: [clock] }],
  ["weak-signal", "webinar_attended", { signals: [signal] }],
  [
    "rejecting-territory",
    "canada",
    { territories: [{ ...territory, rejected: rateOf(80, 100) }, others] },
  ],
  [
    "waiting-territory",
    "canada",
    { territories: [{ ...territory, fallback: rateOf(80, 100) }, others] },
  ],
  ["empty-campaign", "giveaway", { campaigns: [campaign, usual] }],
  ["weak-version", "4", { versions }],
  ["slow-rep", "rp_1", { people: [slow, quick] }],
];

const notFound: readonly (readonly [string, Partial<ProposalFigures>])[] = [
  ["nothing was counted", {}],
  ["a reason as often as before", { reasons: [{ ...reason, before: rateOf(110, 400) }] }],
  ["a reason of few cases", { reasons: [{ ...reason, now: rateOf(20, 29) }] }],
  ["a reason without a time before", { reasons: [{ ...reason, before: none }] }],
  ["a reason that does not recur", { reasons: [{ ...reason, mostInMonth: 2 }] }],
  ["bands in order", { bands: [b, a] }],
  ["bands that are alike", { bands: [{ ...a, rate: rateOf(95, 300) }, b] }],
  ["a better band of few cases", { bands: [{ ...a, rate: rateOf(0, 29) }, b] }],
  ["times that half keep", { clocks: [{ ...clock, rate: rateOf(150, 300) }] }],
  ["times that somebody keeps", { clocks: [{ ...clock, people: [rateOf(35, 60)] }] }],
  ["times of few clocks", { clocks: [{ ...clock, rate: rateOf(0, 29), people: [] }] }],
  ["a signal as good as others", { signals: [{ ...signal, rate: rateOf(80, 300) }] }],
  ["a signal that everybody has", { signals: [{ ...signal, without: none }] }],
  ["territories that are alike", { territories: [territory, others] }],
  ["the only territory", { territories: [{ ...territory, fallback: rateOf(80, 100) }] }],
  [
    "a fallback queue of less than half",
    { territories: [{ ...territory, fallback: rateOf(40, 100) }, others] },
  ],
  [
    "a campaign at half the usual rate",
    { campaigns: [{ ...campaign, rate: rateOf(58, 200) }, usual] },
  ],
  ["a campaign of few MQLs", { campaigns: [{ ...campaign, rate: rateOf(0, 29) }, usual] }],
  ["a version that is better", { versions: { ...versions, rate: rateOf(200, 300) } }],
  ["the first version", { versions: null }],
  ["a rep among one", { people: [slow] }],
  ["reps that are alike", { people: [quick, { ...quick, rep: "rp_3" }] }],
];

describe("a proposal", () => {
  test.each(found)("%s is made about %s", (kind, about, figures) => {
    const [one, ...more] = proposalsOf({ ...nothing, ...figures });
    expect(more).toEqual([]);
    expect(one).toMatchObject({ kind, about });
    expect(one?.weight).toBeGreaterThanOrEqual(1);
  });

  test.each(notFound)("is not made: %s", (_why, figures) => {
    expect(proposalsOf({ ...nothing, ...figures })).toEqual([]);
  });

  test("says its numbers, and what it would have changed", () => {
    const [one] = proposalsOf({ ...nothing, reasons: [reason] });
    expect(one).toMatchObject({
      because:
        "120 of 400, 30 % of the MQLs answered for good were rejected for it, up to 40 in a " +
        "month; 40 of 400, 10 % in the same time before.",
      wouldHaveChanged:
        "At the rate of before 80 rejections fewer. Had checklist: role fit been demanded, 90 " +
        "of 120, 75 %, of those rejected for it would not have been handed off, and 20 of 200, " +
        "10 %, of those accepted.",
      rules: ["checklist: role fit"],
    });
  });

  test("about one person is for those who lead", () => {
    const readers = proposalsOf({
      ...nothing,
      people: [slow, quick],
      campaigns: [campaign, usual],
    });
    expect(readers.map((one) => [one.kind, one.readers])).toEqual([
      ["empty-campaign", "both teams"],
      ["slow-rep", "those who lead"],
    ]);
  });
});

test("at most three are made, the weightiest first", () => {
  const all = Object.assign({}, nothing, ...found.map(([, , figures]) => figures));
  const ranked = proposalsOf(all, Infinity);
  expect(ranked.length).toBeGreaterThan(6);
  expect(ranked.map(({ weight }) => weight)).toEqual(
    ranked.map(({ weight }) => weight).sort((x, y) => y - x),
  );
  expect(proposalsOf(all)).toEqual(ranked.slice(0, 3));
});

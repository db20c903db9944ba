import type { Agreement } from "../../handoff/agreement.ts";

const DAY = 86_400_000;
const HOUR = 3_600_000;

/**
 * A short agreement for tests of what stands around it: demo requests of companies with 50 people
 * or more are handed off.
 */
export const smallAgreement: Agreement = {
  name: "Small",
  signedBy: [],
  calendars: { hq: { zone: "UTC", week: { mon: ["09:00-17:00"] } } },
  fields: { "lead.favouriteTool": "text", "lead.visits": "number" },
  nullWords: ["", "-", "Select"],
  requiredFields: ["lead.email"],
  suppress: [
    {
      reason: "existing-customer",
      when: {
        kind: "fact",
        field: "account.customer",
        matchers: [{ op: "is", value: true }],
        at: "suppress[0].when",
      },
    },
  ],
  named: {
    icp: {
      kind: "fact",
      field: "account.employees",
      matchers: [{ op: "atLeast", value: 50 }],
      at: "icp",
    },
  },
  checklist: [],
  signals: {
    demo_request: { points: 40, depth: "high" },
    pricing_page: { points: 15, depth: "high", halfLifeMs: 14 * DAY },
    blog_view: { points: 1, depth: "low", halfLifeMs: 7 * DAY },
  },
  fit: [{ points: 30, when: { kind: "named", name: "icp", at: "fit[0].when" } }],
  bands: [{ band: "A", fit: 30, intent: 40 }, { band: "D" }],
  leadTypes: [
    {
      name: "demo-request",
      path: "fast",
      priority: 1,
      when: {
        kind: "all",
        at: "leadTypes[0].when",
        of: [
          { kind: "named", name: "icp", at: "leadTypes[0].when.all[0]" },
          {
            kind: "signal",
            signal: "demo_request",
            withinMs: 30 * DAY,
            atLeast: 1,
            at: "leadTypes[0].when.all[1]",
          },
        ],
      },
      outreach: { kind: "business", ms: HOUR },
      status: { kind: "same-day" },
    },
  ],
  accounts: null,
  clocks: {
    calendar: "hq",
    elapsedRoll: { kind: "none" },
    warnAt: [0.5],
    escalate: [],
    maxReassignments: 2,
    pause: { reasons: ["legal-review"], atMost: { kind: "business-days", days: 3 } },
  },
  routing: {
    owners: "keep",
    territories: [{ name: "rest", pool: "emea-sdr", within: [], at: "routing.territories[0]" }],
    segments: [],
    hold: "until-open",
    fallback: "sales-ops",
  },
  answers: {
    acceptBy: "status",
    reasons: {},
    contested: { to: "manager", within: { kind: "business-days", days: 1 } },
    rejectionsPerRepPerDay: 20,
    rateFit: { from: 1, to: 5 },
    buyingSignals: [],
  },
  working: {
    attempts: 6,
    over: { kind: "business-days", days: 15 },
    stalledAfter: { kind: "elapsed", ms: 14 * DAY },
  },
  leavers: { offers: "route-again", accepted: "deputy" },
  absences: {
    longerThan: { kind: "business-days", days: 1 },
    offers: "route-again",
    accepted: "deputy",
  },
  renurture: {
    return: [
      {
        when: {
          kind: "signal",
          signal: { depth: "high" },
          atLeast: 1,
          at: "renurture.return[0].when",
        },
      },
    ],
    reviewEvery: "quarter",
    maxCycles: 3,
    returnClosed: {},
  },
  tasks: { within: { kind: "business-days", days: 1 } },
  nurture: { humanReviewAfter: { kind: "elapsed", ms: 60 * DAY }, reviewer: "marketing-ops" },
  reviews: {},
};

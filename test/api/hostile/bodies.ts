import { readFileSync } from "node:fs";

/** What a field of a body may hold; the invalid values of each kind are in values.ts. */
export type Kind =
  | { readonly is: "text"; readonly max: number; readonly blank?: "allowed" }
  | { readonly is: "int"; readonly min: number; readonly max?: number }
  | { readonly is: "one-of"; readonly values: readonly string[] }
  | {
      readonly is:
        | "instant"
        | "day"
        | "rep"
        | "bool"
        | "email"
        | "domain"
        | "number"
        | "zone"
        | "shifts"
        | "currency";
    }
  | { readonly is: "list"; readonly max: number }
  | { readonly is: "object" };

export interface BodyRoute {
  readonly route: string;
  /** With the world's things in braces. */
  readonly path: string;
  /** A body that is accepted. */
  readonly good: () => object;
  /** Fields by their path in `good`. `?` behind the path: null is accepted. */
  readonly fields: Readonly<Record<string, Kind>>;
  /** Calls of trackers carry what we do not know; other routes refuse unknown fields. */
  readonly open?: true;
}

const text = (max: number): Kind => ({ is: "text", max });
const int = (min: number, max?: number): Kind => ({
  is: "int",
  min,
  ...(max === undefined ? {} : { max }),
});
const oneOf = (...values: string[]): Kind => ({ is: "one-of", values });
const list = (max: number): Kind => ({ is: "list", max });
const [instant, day, rep, bool, email, domain, number, zone, shifts, currency, object] = (
  [
    "instant",
    "day",
    "rep",
    "bool",
    "email",
    "domain",
    "number",
    "zone",
    "shifts",
    "currency",
    "object",
  ] as const
).map((is): Kind => ({ is })) as [Kind, Kind, Kind, Kind, Kind, Kind, Kind, Kind, Kind, Kind, Kind];

const learntGood = {
  fitRating: 3,
  timeline: "this quarter",
  buyingSignals: ["budget-named"],
  note: "called twice 😀",
};
const learnt = {
  fitRating: int(1, 5),
  timeline: text(200),
  buyingSignals: list(20),
  "buyingSignals.0": text(100),
  note: text(4_000),
};
const seen = "2026-11-23T09:30:00-05:00";
/** What users of the CRM do alike to a lead and to a company. */
const houseStatus = {
  good: () => ({
    by: "rp_one",
    status: "rejected",
    reason: "dated-timing",
    revisitOn: "2027-02-28",
    ...learntGood,
  }),
  fields: {
    by: rep,
    status: oneOf("sal", "sql", "rejected"),
    reason: text(100),
    revisitOn: day,
    ...learnt,
  },
};
const houseOwner = { good: () => ({ by: "rp_one", owner: "rp_two" }), fields: { by: rep } };
const houseOutreach = {
  good: () => ({ by: "rp_one", channel: "call", outcome: "connected", occurredAt: seen }),
  fields: {
    by: rep,
    channel: oneOf("call", "email"),
    outcome: oneOf("attempted", "connected"),
    occurredAt: instant,
  },
};
let n = 0;
const message = () => ({ messageId: `m-${++n}`, userId: "u-1", timestamp: seen });
const calls = {
  messageId: text(300),
  "userId?": text(300),
  timestamp: instant,
  "context.campaign.source": { is: "text", max: 300, blank: "allowed" },
} as const;
const context = { campaign: { source: "ad", name: "autumn" } };

/**
 * Every route that takes JSON, with a body that it accepts and what each of its fields may hold.
 */
export const bodyRoutes: readonly BodyRoute[] = [
  {
    route: "POST /leads",
    path: "/leads",
    good: () => ({
      externalId: `x-${++n}`,
      occurredAt: seen,
      engagements: [
        { id: `e-${n}`, type: "demo_request", topic: "pricing", asset: "ebook", occurredAt: seen },
      ],
      facts: {
        "lead.email": `jo${n}@example-customer.com`,
        "lead.name": "Zoë 😀 O'Neil",
        "lead.doNotContact": false,
        "account.employees": 250,
        "account.domain": "example-customer.com",
        "account.techStack": ["crm"],
        "lead.firstTouchAt": "2026-11-01",
      },
    }),
    fields: {
      id: text(300),
      crmId: text(300),
      externalId: text(300),
      occurredAt: instant,
      facts: object,
      engagements: list(100),
      "engagements.0.id": text(300),
      "engagements.0.type": text(300),
      "engagements.0.topic": text(300),
      "engagements.0.asset": text(300),
      "engagements.0.occurredAt": instant,
      "facts.account.employees?": number,
      "facts.lead.doNotContact?": bool,
      "facts.account.domain?": domain,
    },
  },
  {
    route: "PATCH /leads/{id}",
    path: "/leads/{lead}",
    good: () => ({
      facts: { "lead.title": `CFO ${++n}`, "account.employees": 9_007_199_254_740_991 },
    }),
    fields: { facts: object, "facts.account.employees": number },
  },
  {
    route: "POST /leads/{id}/outreach",
    path: "/leads/{lead}/outreach",
    good: () => ({
      channel: "call",
      outcome: "connected",
      occurredAt: "2026-11-23T15:00:00Z",
      ...learntGood,
    }),
    fields: {
      channel: oneOf("call", "email", "message", "meeting"),
      outcome: oneOf("attempted", "connected"),
      occurredAt: instant,
      ...learnt,
    },
  },
  {
    route: "POST /leads/{id}/accept",
    path: "/leads/{lead}/accept",
    good: () => learntGood,
    fields: learnt,
  },
  {
    route: "POST /leads/{id}/reject",
    path: "/leads/{lead}/reject",
    good: () => ({ reason: "dated-timing", revisitOn: "2027-02-28", ...learntGood }),
    fields: { reason: text(100), revisitOn: day, ...learnt },
  },
  {
    route: "POST /leads/{id}/advance",
    path: "/leads/{lead}/advance",
    good: () => ({
      to: "opportunity",
      amountMinor: 9_007_199_254_740_991,
      currency: "USD",
      ...learntGood,
    }),
    fields: { to: oneOf("sql", "opportunity"), amountMinor: int(0), currency, ...learnt },
  },
  {
    route: "POST /leads/{id}/hand-back",
    path: "/leads/{lead}/hand-back",
    good: () => ({ revisitOn: "2028-02-29", note: "later" }),
    fields: { revisitOn: day, note: text(4_000) },
  },
  {
    route: "POST /leads/{id}/reassign",
    path: "/leads/{lead}/reassign",
    good: () => ({ to: "rp_two", note: "on leave" }),
    fields: { to: rep, note: text(4_000) },
  },
  {
    route: "POST /leads/{id}/pause",
    path: "/leads/{lead}/pause",
    good: () => ({ reason: "legal-review", until: "2026-12-01T09:00:00Z", note: "asked" }),
    fields: { reason: text(100), until: instant, note: text(4_000) },
  },
  {
    route: "POST /leads/{id}/resume",
    path: "/leads/{lead}/resume",
    good: () => ({ note: "answered" }),
    fields: { note: text(4_000) },
  },
  {
    route: "POST /leads/{id}/contest-decision",
    path: "/leads/{lead}/contest-decision",
    good: () => ({ decision: "uphold", note: "agreed" }),
    fields: { decision: oneOf("uphold", "overturn"), note: text(4_000) },
  },
  {
    route: "POST /leads/{id}/review-decision",
    path: "/leads/{lead}/review-decision",
    good: () => ({ decision: "keep", note: "fits" }),
    fields: { decision: oneOf("keep", "return", "retire"), note: text(4_000) },
  },
  {
    route: "POST /leads/{id}/reopen",
    path: "/leads/{lead}/reopen",
    good: () => ({ why: "they called" }),
    fields: { why: text(500) },
  },
  {
    route: "POST /tasks/{id}/done",
    path: "/tasks/{task}/done",
    good: () => ({ how: "looked at" }),
    fields: { how: text(500) },
  },
  {
    route: "POST /leads/{id}/move-account",
    path: "/leads/{lead}/move-account",
    good: () => ({ domain: "moved-to.com" }),
    fields: { domain },
  },
  {
    route: "POST /accounts/{id}/merge",
    path: "/accounts/{account}/merge",
    good: () => ({ other: "ac_hostileother" }),
    fields: { other: rep },
  },
  {
    route: "POST /accounts/{id}/aliases",
    path: "/accounts/{account}/aliases",
    good: () => ({ crmId: "001-hostile" }),
    fields: { crmId: text(300) },
  },
  {
    route: "POST /tasks/{id}/conflict-decision",
    path: "/tasks/{conflict}/conflict-decision",
    good: () => ({ decision: "two-people" }),
    fields: { decision: oneOf("one-person", "two-people") },
  },
  {
    route: "POST /agreement/versions",
    path: "/agreement/versions",
    // Where somebody signs, nothing is published at once.
    good: () => ({
      content: agreementText.replace(/^signedBy: .*$/m, "signedBy: []"),
      note: "as it is",
    }),
    fields: { content: { is: "text", max: 400_000, blank: "allowed" }, note: text(500) },
  },
  {
    route: "POST /agreement/versions/propose",
    path: "/agreement/versions/propose",
    good: () => ({ content: agreementText, note: "as it is" }),
    fields: { content: { is: "text", max: 400_000, blank: "allowed" }, note: text(500) },
  },
  {
    route: "POST /simulate",
    path: "/simulate",
    good: () => ({
      facts: { "lead.email": "jo@example-customer.com", "account.employees": 250 },
      engagements: [{ type: "demo_request", occurredAt: seen, topic: "pricing" }],
      at: seen,
    }),
    fields: {
      facts: object,
      "facts.account.employees?": number,
      engagements: list(500),
      "engagements.0.type": text(100),
      "engagements.0.topic": text(200),
      "engagements.0.occurredAt": instant,
      at: instant,
    },
  },
  {
    route: "PUT /roster/reps",
    path: "/roster/reps",
    good: () => ({
      reps: [
        {
          id: "rp_new",
          name: "Nö 😀",
          email: "new@example.com",
          role: "rep",
          managerId: "rp_boss",
          deputyId: "rp_boss",
          active: true,
          languages: ["en"],
          products: [],
          motions: [],
          caps: { open: 25, perDay: 40, perHour: 10 },
          crmId: "U-1",
          hours: {
            zone: "Europe/Berlin",
            week: { mon: ["09:00-17:00"] },
            exceptions: { "2026-12-25": [] },
          },
        },
      ],
    }),
    fields: {
      reps: list(2_000),
      "reps.0.id": rep,
      "reps.0.name": text(200),
      "reps.0.email": email,
      "reps.0.role": oneOf("rep", "manager", "marketing", "sales-ops"),
      "reps.0.managerId?": rep,
      "reps.0.deputyId?": rep,
      "reps.0.active": bool,
      "reps.0.languages": list(100),
      "reps.0.languages.0": text(60),
      "reps.0.caps.open": int(0, 100_000),
      "reps.0.caps.perDay": int(0, 100_000),
      "reps.0.crmId?": text(200),
      "reps.0.hours.zone": zone,
      "reps.0.hours.week.mon": shifts,
    },
  },
  {
    route: "PUT /roster/pools",
    path: "/roster/pools",
    good: () => ({
      pools: [
        {
          id: "americas-sdr",
          members: { rp_one: 1, rp_two: 1 },
          hours: { zone: "America/New_York", week: { mon: ["09:00-17:00"] } },
        },
      ],
    }),
    fields: {
      pools: list(500),
      "pools.0.id": text(80),
      "pools.0.members": object,
      "pools.0.members.rp_one": int(0, 1_000),
      "pools.0.hours.zone": zone,
      "pools.0.hours.week.mon": shifts,
    },
  },
  {
    route: "PUT /roster/absences",
    path: "/roster/absences",
    good: () => ({
      absences: {
        rp_one: [{ from: "2026-12-21T00:00:00Z", to: "2026-12-31T00:00:00Z", reason: "vacation" }],
      },
    }),
    fields: {
      absences: object,
      "absences.rp_one": list(200),
      "absences.rp_one.0.from": instant,
      "absences.rp_one.0.to": instant,
      "absences.rp_one.0.reason": text(200),
    },
  },
  {
    route: "POST /roster/absences",
    path: "/roster/absences",
    good: () => ({
      rep: "rp_one",
      firstDay: "2026-12-21",
      lastDay: "2026-12-30",
      reason: "vacation",
      deputyId: "rp_two",
    }),
    fields: { rep, firstDay: day, lastDay: day, reason: text(200), deputyId: rep },
  },
  {
    route: "PATCH /roster/pools/{id}",
    path: "/roster/pools/americas-sdr",
    good: () => ({ weights: { rp_one: 2 } }),
    fields: { weights: object, "weights.rp_one": int(0, 1_000) },
  },
  {
    route: "PATCH /roster/reps/{id}",
    path: "/roster/reps/rp_one",
    good: () => ({ caps: { open: 25, perDay: 40, perHour: 10 } }),
    fields: { caps: object, "caps.open?": int(0, 100_000), "caps.perDay?": int(0, 100_000) },
  },
  {
    route: "POST /reviews/{id}/decisions",
    path: "/reviews/{review}/decisions",
    good: () => ({
      decisions: [{ leadId: "ld_0000000000zzzzzzzzzz", decision: "keep", note: "fits" }],
    }),
    fields: {
      decisions: list(50),
      "decisions.0.leadId": { is: "text", max: 60, blank: "allowed" },
      "decisions.0.decision": oneOf("keep", "return", "retire"),
      "decisions.0.note": text(4_000),
    },
  },
  {
    route: "POST /reviews/{id}/resolutions",
    path: "/reviews/{review}/resolutions",
    good: () => ({
      text: "Call them",
      owner: "marketing-ops",
      dueOn: "2027-02-28",
      proposal: "recurring-reason/wrong-role",
    }),
    fields: {
      text: text(1_000),
      owner: oneOf("marketing", "marketing-ops", "manager", "sales-ops", "revops"),
      dueOn: day,
      proposal: { is: "text", max: 300, blank: "allowed" },
    },
  },
  {
    route: "POST /resolutions/{id}/carry-on",
    path: "/resolutions/{resolution}/carry-on",
    good: () => ({ dueOn: "2028-02-29" }),
    fields: { dueOn: day },
  },
  {
    route: "POST /resolutions/{id}/close",
    path: "/resolutions/{resolution}/close",
    good: () => ({ state: "done", note: "since Monday" }),
    fields: { state: oneOf("done", "dropped"), note: text(1_000) },
  },
  {
    route: "POST /house/leads/{id}/status",
    path: "/house/leads/{houseLead}/status",
    ...houseStatus,
  },
  {
    route: "POST /house/leads/{id}/owner",
    path: "/house/leads/{houseLead}/owner",
    ...houseOwner,
  },
  {
    route: "POST /house/accounts/{id}/status",
    path: "/house/accounts/{houseAccount}/status",
    ...houseStatus,
  },
  {
    route: "POST /house/accounts/{id}/owner",
    path: "/house/accounts/{houseAccount}/owner",
    ...houseOwner,
  },
  {
    route: "POST /house/accounts/{id}/outreach",
    path: "/house/accounts/{houseAccount}/outreach",
    ...houseOutreach,
  },
  {
    route: "POST /house/leads",
    path: "/house/leads",
    good: () => ({ by: "rp_one", facts: { "lead.email": "new@example-customer.com" } }),
    fields: { by: rep, facts: object },
  },
  {
    route: "PATCH /house/leads/{id}",
    path: "/house/leads/{houseLead}",
    good: () => ({ by: "rp_one", facts: { "lead.title": "CFO", "account.employees": 12 } }),
    fields: { by: rep, facts: object },
  },
  {
    route: "POST /house/leads/{id}/outreach",
    path: "/house/leads/{houseLead}/outreach",
    ...houseOutreach,
  },
  {
    route: "POST /house/leads/{id}/opportunities",
    path: "/house/leads/{houseLead}/opportunities",
    good: () => ({
      by: "rp_one",
      stage: "open",
      amountMinor: 9_007_199_254_740_991,
      currency: "EUR",
    }),
    fields: {
      by: rep,
      stage: oneOf("open", "won", "lost"),
      "amountMinor?": int(0),
      "currency?": currency,
    },
  },
  {
    route: "PATCH /house/opportunities/{id}",
    path: "/house/opportunities/{houseOpportunity}",
    good: () => ({ by: "rp_one", stage: "won", amountMinor: 5_000, currency: "EUR" }),
    fields: {
      by: rep,
      stage: oneOf("open", "won", "lost"),
      "amountMinor?": int(0),
      "currency?": currency,
    },
  },
  {
    route: "POST /house/leads/{id}/merge",
    path: "/house/leads/{houseLead}/merge",
    good: () => ({ by: "rp_one", into: "HL-2" }),
    fields: { by: rep, into: { is: "text", max: 60, blank: "allowed" } },
  },
  {
    route: "PUT /house/trouble",
    path: "/house/trouble",
    good: () => ({ kind: "slow", field: "lead.name", waitMs: 120_000 }),
    fields: { kind: oneOf("down", "busy", "slow"), field: text(100), waitMs: int(0, 120_000) },
  },
  {
    route: "POST /v1/track",
    path: "/v1/track",
    open: true,
    good: () => ({
      ...message(),
      event: "Demo Request",
      properties: { topic: "pricing" },
      context,
    }),
    fields: { ...calls, event: text(300), "properties?": object },
  },
  {
    route: "POST /v1/page",
    path: "/v1/page",
    open: true,
    good: () => ({
      ...message(),
      name: "Pricing",
      category: "site",
      properties: { path: "/pricing" },
      context,
    }),
    fields: { ...calls, "properties?": object },
  },
  {
    route: "POST /v1/identify",
    path: "/v1/identify",
    open: true,
    good: () => ({
      ...message(),
      traits: { email: `t${n}@example-customer.com`, name: "Zoë 😀" },
      context,
    }),
    fields: { ...calls, "traits?": object },
  },
  {
    route: "POST /v1/group",
    path: "/v1/group",
    open: true,
    good: () => ({ ...message(), groupId: "g-1", traits: { name: "Example", employees: 12 } }),
    fields: { messageId: text(300), timestamp: instant, "traits?": object },
  },
  {
    route: "POST /v1/batch",
    path: "/v1/batch",
    open: true,
    good: () => ({ sentAt: seen, batch: [{ ...message(), type: "track", event: "Demo Request" }] }),
    fields: { batch: list(500) },
  },
];

const agreementText = readFileSync(
  new URL("../../../agreement/example.yaml", import.meta.url),
  "utf8",
);

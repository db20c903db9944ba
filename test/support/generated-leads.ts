import type { Engagement, FactValue, Facts } from "../../handoff/facts/facts.ts";
import type { Instant } from "../../handoff/time/calendar.ts";

/**
 * A lead as it might arrive, with what the person did. All people, companies and addresses are
 * invented.
 */
export interface GeneratedLead {
  readonly kind: LeadKind;
  readonly facts: Facts;
  readonly engagements: readonly Engagement[];
  /** Contacts that match this person. */
  readonly matches: number;
}

export const leadKinds = [
  "demo request",
  "active trial",
  "high intent",
  "standard",
  "quiet",
  "outside the profile",
  "free mail",
  "disposable mail",
  "broken mail",
  "missing facts",
  "existing customer",
  "do not contact",
  "competitor",
  "active pipeline",
  "ambiguous",
  "empty",
] as const;
export type LeadKind = (typeof leadKinds)[number];

/** Numbers that look random and are the same for the same seed (mulberry32): 0 <= x < 1. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * The same leads for the same seed, every kind in turn, each with its own facts and engagements
 * before `now`.
 */
export function generatedLeads(seed: number, count: number, now: Instant): GeneratedLead[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) =>
    generate(leadKinds[i % leadKinds.length]!, i, now, random),
  );
}

const day = 86_400_000;
const firstNames = ["Ada", "Bao", "Chidi", "Dana", "Emre", "Fatou", "Goran", "Hana", "Ines", "Jun"];
const lastNames = [
  "Aldous",
  "Brandt",
  "Castellan",
  "Dvorsky",
  "Eriksen",
  "Fontaine",
  "Grunwald",
  "Hollis",
];
const companies = [
  "Northwind Cranes",
  "Bluefern Analytics",
  "Ostrava Pumps",
  "Tidemark Health",
  "Quillstone Bank",
  "Marrow Robotics",
];
const titles = [
  "VP Sales",
  "Director of Marketing",
  "Head of Revenue Operations",
  "Sales Manager",
  "CEO",
  "Analyst",
  "Executive Assistant to the CEO",
];
const industries = ["Software", "Financial Services", "Healthcare"];
const sources = ["organic", "webinar", "paid-search", "referral", "event"];

function generate(kind: LeadKind, i: number, now: Instant, random: () => number): GeneratedLead {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  const company = pick(companies);
  const domain = `${company.toLowerCase().replaceAll(" ", "-")}-${i}.example`;
  const [first, last] = [pick(firstNames), pick(lastNames)];
  const base: Record<string, FactValue> = {
    "lead.firstName": first,
    "lead.lastName": last,
    "lead.email": `${first}.${last}.${i}@${domain}`.toLowerCase(),
    "lead.title": pick(titles),
    "lead.role": pick(["decision maker", "influencer", "user"]),
    "lead.source": pick(sources),
    "lead.campaign": pick(["autumn-webinar", "brand", "partner-day"]),
    "lead.motion": pick(["inbound", "outbound", "partner", "self-serve"]),
    "lead.timeline": pick(["now", "this-quarter", "this-year", "later"]),
    "lead.firstTouchAt": new Date(now - Math.floor(random() * 60) * day).toISOString(),
    "account.name": company,
    "account.domain": domain,
    "account.employees": 50 + Math.floor(random() * 4_950),
    "account.industry": pick(industries),
    "account.country": pick(["US", "CA", "GB", "DE"]),
    "account.customer": false,
    "account.competitor": false,
    "account.openOpportunities": 0,
    "lead.doNotContact": false,
  };
  const did = (type: string, daysAgo: number, n = 0): Engagement => ({
    id: `m-${i}-${type}-${n}`,
    type,
    occurredAt: now - Math.floor(daysAgo * day),
    ...(random() < 0.5 ? { topic: pick(["routing", "sla", "pricing"]) } : {}),
  });
  const noise = Array.from({ length: Math.floor(random() * 4) }, (_, n) =>
    did("blog_view", random() * 40, n),
  );
  const lead = (
    changes: Record<string, FactValue | undefined>,
    engagements: Engagement[],
    matches = Math.floor(random() * 2),
  ): GeneratedLead => {
    const facts = Object.fromEntries(
      Object.entries({ ...base, ...changes }).filter(
        (entry): entry is [string, FactValue] => entry[1] !== undefined,
      ),
    );
    return { kind, facts, engagements: [...engagements, ...noise], matches };
  };

  switch (kind) {
    case "demo request":
      return lead({}, [did("demo_request", random() * 3)]);
    case "active trial":
      return lead({}, [
        did("trial_active", random() * 10),
        did("trial_started", 10 + random() * 10),
      ]);
    case "high intent":
      return lead({}, [did("pricing_page", random() * 12)]);
    case "standard":
      return lead({}, [
        did("trial_started", 5),
        did("webinar_attended", random() * 20),
        did("buyers_guide", random() * 25),
      ]);
    case "quiet":
      return lead({}, []);
    case "outside the profile":
      return lead(
        {
          "account.employees": 5 + Math.floor(random() * 40),
          "account.country": pick(["BR", "FR", "IN"]),
        },
        [did("demo_request", 1)],
      );
    case "free mail":
      return lead({ "lead.email": `${first}.${i}@gmail.com`.toLowerCase() }, [
        did("demo_request", 2),
      ]);
    case "disposable mail":
      return lead({ "lead.email": `${first}${i}@mailinator.com`.toLowerCase() }, [
        did("demo_request", 2),
      ]);
    case "broken mail":
      return lead(
        { "lead.email": pick(["no at sign", "two@@example.com", "a@b", "x y@example.com"]) },
        [did("pricing_page", 2)],
      );
    case "missing facts":
      return lead(
        {
          [pick([
            "lead.email",
            "lead.role",
            "lead.source",
            "account.name",
            "account.industry",
            "account.employees",
          ])]: undefined,
        },
        [did("demo_request", 2)],
      );
    case "existing customer":
      return lead({ "account.customer": true }, [did("demo_request", 1)]);
    case "do not contact":
      return lead({ "lead.doNotContact": true }, [did("demo_request", 1)]);
    case "competitor":
      return lead({ "account.competitor": true }, [did("pricing_page", 1)]);
    case "active pipeline":
      return lead({ "account.openOpportunities": 1 + Math.floor(random() * 3) }, [
        did("roi_calculator", 1),
      ]);
    case "ambiguous":
      return lead({}, [did("demo_request", 1)], 2 + Math.floor(random() * 3));
    case "empty":
      return { kind, facts: {}, engagements: [], matches: 0 };
  }
}

import type { FactValue, Facts } from "../handoff/facts/facts.ts";
import type { DatedFacts } from "../handoff/facts/merge-facts.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import type { SampleAccount } from "./model.ts";
import { planted, type PatternName } from "./patterns.ts";
import { sampleId, type Dice } from "./random.ts";

/** Invented words, so that nobody and no company is meant. */
const given = ["Avelin", "Brimo", "Celdry", "Dorvan", "Elowin", "Fenric", "Galvia", "Hestor"];
const more = ["Isavel", "Jorwyn", "Kelvar", "Lunetta", "Mirabo", "Nestrin", "Orvela", "Pellan"];
const family = ["Ashdown", "Birkvale", "Cromley", "Dunmoor", "Elderfen", "Farrowby", "Glenhart"];
const first = ["Amber", "Brindle", "Copper", "Drift", "Ember", "Fallow", "Granite", "Harbour"];
const second = ["Looms", "Analytics", "Pumps", "Ledger", "Clinics", "Robotics", "Freight", "Grid"];

const zones = { US: -5, CA: -5, GB: 0, DE: 1, FR: 1, BR: -3 } as const;
export type SampleCountry = keyof typeof zones;

/** How far the country's clocks are from UTC, roughly: people write to a company by day. */
export function hoursFromUtc(country: SampleCountry): number {
  return zones[country];
}

export function sampleAccount(n: number, at: Instant, dice: Dice): SampleAccount {
  const name = `${dice.pick(first)} ${dice.pick(second)} ${n}`;
  const domain = `${name.toLowerCase().replaceAll(" ", "-")}.example`;
  const country = dice.weighted({ US: 40, CA: 9, GB: 20, DE: 23, FR: 5, BR: 3 });
  const industry = dice.weighted({
    Software: 40,
    "Financial Services": 26,
    Healthcare: 22,
    Retail: 8,
    unknown: 4,
  });
  const size = dice.weighted({ tiny: 8, middle: 78, large: 14 });
  const employees = {
    tiny: () => dice.whole(5, 49),
    middle: () => dice.whole(50, 999),
    large: () => dice.whole(1_000, 5_000),
  };
  const facts: Record<string, FactValue> = {
    "account.name": name,
    "account.domain": domain,
    "account.country": country,
    "account.employees": employees[size](),
    ...(industry === "unknown" ? {} : { "account.industry": industry }),
    ...(dice.chance(0.02) ? { "account.customer": true } : {}),
    ...(dice.chance(0.01) ? { "account.competitor": true } : {}),
  };
  return { id: sampleId("ac", at, dice), domain, facts: dated(facts, at), createdAt: at };
}

export function countryOf({ facts }: SampleAccount): SampleCountry {
  return facts["account.country"]?.value as SampleCountry;
}

/** Where leads come from: source and campaign, with how many of a hundred. */
const origins: Readonly<Record<string, number>> = {
  "organic/": 22,
  "referral/": 9,
  "paid-search/brand-search": 12,
  "paid-search/category-search": 13,
  "webinar/routing-webinar": 12,
  "event/trade-fair": 9,
  "partner/partner-day": 8,
  [`paid-social/${planted.campaign}`]: 15,
};

export interface SampleContact {
  readonly email: string;
  readonly source: string;
  readonly campaign: string | null;
  /** Of the person alone; those of the account stand with it. */
  readonly facts: Facts;
}

export function sampleContact(
  n: number,
  account: SampleAccount,
  at: Instant,
  dice: Dice,
): SampleContact {
  const [firstName, lastName] = [dice.pick([...given, ...more]), dice.pick(family)];
  const [source = "", campaign = ""] = dice.weighted(origins).split("/");
  const host = dice.chance(0.06) ? "freemail.example" : account.domain;
  const email = `${firstName}.${lastName}.${n}@${host}`.toLowerCase();
  const facts: Record<string, FactValue> = {
    "lead.firstName": firstName,
    "lead.lastName": lastName,
    "lead.name": `${firstName} ${lastName}`,
    "lead.email": email,
    "lead.title": dice.pick(titles),
    "lead.role": dice.weighted({ buyer: 30, champion: 30, influencer: 25, user: 15 }),
    "lead.source": source,
    "lead.firstTouchAt": new Date(at - Math.floor(dice.between(1, 40) * day)).toISOString(),
    "lead.motion": source === "partner" ? "partner" : source === "event" ? "outbound" : "inbound",
    "account.domain": account.domain,
    ...(campaign === "" ? {} : { "lead.campaign": campaign }),
    ...(dice.chance(0.8) ? { "lead.phone": phone(countryOf(account), dice) } : {}),
    ...(dice.chance(0.5)
      ? { "lead.timeline": dice.pick(["now", "this-quarter", "this-year", "later"]) }
      : {}),
    ...(dice.chance(0.01) ? { "lead.doNotContact": true } : {}),
  };
  return { email, source, campaign: campaign === "" ? null : campaign, facts };
}

const day = 86_400_000;
const titles = [
  "VP Operations",
  "VP Sales",
  "Director of Marketing",
  "Director of Sales Operations",
  "Head of Revenue Operations",
  "Sales Manager",
  "Marketing Manager",
  "CEO",
  "Analyst",
  "Assistant",
];

/** Numbers that are kept free for stories. */
function phone(country: SampleCountry, dice: Dice): string {
  const last = (digits: number, to: number) => String(dice.whole(0, to)).padStart(digits, "0");
  switch (country) {
    case "GB":
      return `+44 20 7946 0${last(3, 999)}`;
    case "DE":
      return `+49 30 23125 ${last(3, 999)}`;
    default:
      return `+1 202 555 01${last(2, 99)}`;
  }
}

/** As a form told them at that moment. */
export function dated(facts: Facts, at: Instant): DatedFacts {
  const told = new Date(at).toISOString();
  return Object.fromEntries(
    Object.entries(facts).map(([path, value]) => [path, { value, from: "form", at: told }]),
  );
}

export function valuesOf(facts: DatedFacts): Facts {
  return Object.fromEntries(Object.entries(facts).map(([path, { value }]) => [path, value]));
}

/** How well sales can use what a campaign brings; 1 is as usual. */
export function worthOf(campaign: string | null, plant: readonly PatternName[]): number {
  return campaign === planted.campaign && plant.includes("empty-campaign") ? 0.2 : 1;
}

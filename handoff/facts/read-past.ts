import type { Agreement } from "../agreement.ts";
import type { Instant } from "../time/calendar.ts";
import type { FieldPath } from "./facts.ts";
import { instantInZone, timeExpected, mapRow, type ImportMap } from "./import-map.ts";
import { normalizeFact } from "./lead.ts";
import {
  dealStageOf,
  pastContacts,
  pastEnds,
  pastFields,
  pastOutcomes,
  pastSteps,
  type PastDealStage,
  type PastHandoff,
  type PastOutcome,
} from "./past.ts";
import { fold } from "./text.ts";
import { canHaveHappened, happenedWhen } from "../time/dates.ts";

type Step = (typeof pastSteps)[number];
type Time = Step | (typeof pastContacts)[number] | (typeof pastEnds)[number] | "arrivedAt";

/** What a row of a file is not as expected in; never quotes what came. */
export interface PastProblem {
  readonly field: FieldPath;
  readonly message: string;
}

export interface PastContext {
  readonly agreement: Pick<
    Agreement,
    "fields" | "nullWords" | "leadTypes" | "bands" | "answers" | "working"
  >;
  /** The zone of times without an offset. */
  readonly zone: string;
  /** Nothing of the past lies after this. */
  readonly now: Instant;
  /** People of the roster by what a file calls them. */
  readonly ownerOf: (name: string) => readonly string[];
}

/**
 * Reads the handoff out of a mapped row's facts, or says everything that is not as expected: what
 * is missing, cannot be read, is unknown here, or cannot have happened. Nothing is guessed.
 */
export function readPast(
  facts: Readonly<Record<FieldPath, unknown>>,
  context: PastContext,
): { readonly past: PastHandoff } | { readonly problems: readonly PastProblem[] } {
  const reading = new PastReading(facts, context);
  const past = reading.read();
  return reading.problems.length > 0 || past === null ? { problems: reading.problems } : { past };
}

/**
 * Says of a row, by column, whether it tells of a handoff that goes on, without reading the rest:
 * whether it is good is found out where it is taken in.
 */
export function tellsWhatGoesOn(
  map: ImportMap,
  agreement: Pick<Agreement, "fields" | "nullWords">,
): (row: Readonly<Record<string, string>>) => boolean {
  const isAsked = ({ to }: { readonly to: string }) => to === outcomeField || to === dealField;
  const columns = Object.entries(map.columns).map(([name, rules]) => [name, rules.filter(isAsked)]);
  const asked: ImportMap = {
    ...map,
    columns: Object.fromEntries(columns) as ImportMap["columns"],
    joined: map.joined.filter(isAsked),
    engagements: [],
    required: [],
  };
  return (row) => {
    const { facts } = mapRow(asked, row, agreement).arrival;
    const outcome = facts[outcomeField];
    const isOpen = typeof outcome === "string" && fold(outcome) === "open";
    return isOpen && facts[dealField] === undefined;
  };
}

const [outcomeField, dealField] = ["handoff.outcome", "handoff.opportunityAt"];

class PastReading {
  readonly problems: PastProblem[] = [];
  private readonly facts: Readonly<Record<FieldPath, unknown>>;
  private readonly context: PastContext;
  private readonly times = new Map<Time, Instant>();
  /** Fields that could not be read: what follows from them is not said again. */
  private readonly bad = new Set<string>();

  constructor(facts: Readonly<Record<FieldPath, unknown>>, context: PastContext) {
    this.facts = facts;
    this.context = context;
  }

  read(): PastHandoff | null {
    for (const name of ["arrivedAt", ...pastSteps, ...pastContacts, ...pastEnds] as const)
      this.time(name);
    const mqlAt = this.at("mqlAt");
    const end = this.end();
    this.checkSteps(end?.outcome ?? null);
    if (end) this.checkOrder(end.outcome, end.at);
    const reason = this.reason(end?.outcome ?? null);
    const repId = this.owner();
    const amount = this.amount();
    const dealStages = this.dealStages(end?.at ?? null);
    const goesOn = end?.outcome === "open" && this.at("opportunityAt") === null;
    const shape = this.shape(goesOn);
    if (mqlAt === null || !end) return null;
    return {
      arrivedAt: this.at("arrivedAt") ?? mqlAt,
      mqlAt,
      offeredAt: this.at("handedOffAt"),
      firstOutreachAt: this.at("firstOutreachAt"),
      connectedAt: this.at("connectedAt"),
      meetingAt: this.at("meetingAt"),
      salAt: this.at("salAt"),
      sqlAt: this.at("sqlAt"),
      opportunityAt: this.at("opportunityAt"),
      outcome: end.outcome,
      endedAt: end.at,
      ...reason,
      repId,
      ...amount,
      dealStages,
      ...shape,
    };
  }

  private at(name: Time): Instant | null {
    return this.times.get(name) ?? null;
  }

  private wrong(name: string, message: string): void {
    if (this.bad.has(name)) return;
    this.problems.push({ field: `handoff.${name}`, message });
  }

  /** A fact in its type; null when it is missing or not as expected. */
  private value(name: string): string | number | boolean | null {
    const field = `handoff.${name}`;
    const raw = this.facts[field];
    if (raw === undefined) return null;
    const { nullWords } = this.context.agreement;
    const read = normalizeFact(field, raw, { fields: pastFields, nullWords });
    if ("missing" in read) return null;
    if ("problem" in read) {
      this.wrong(name, read.problem);
      this.bad.add(name);
      return null;
    }
    return Array.isArray(read.value) ? null : (read.value as string | number | boolean);
  }

  private text(name: string): string | null {
    const value = this.value(name);
    if (value === null) return null;
    const text = String(value);
    if (text.length <= 100) return text;
    this.wrong(name, "expected at most 100 characters");
    this.bad.add(name);
    return null;
  }

  private time(name: Time): void {
    if (this.value(name) === null) return;
    const at = this.instant(name);
    if (at !== null) this.times.set(name, at);
  }

  /** When something of the past happened; null when it is not as expected. */
  private instant(name: string): Instant | null {
    const at = instantInZone(this.context.zone, String(this.facts[`handoff.${name}`]));
    if (at === null) this.cannotRead(name, timeExpected(undefined));
    else if (!canHaveHappened(at)) this.cannotRead(name, happenedWhen);
    else if (at > this.context.now)
      this.cannotRead(name, "expected a time that has passed; this one lies ahead");
    else return at;
    return null;
  }

  private cannotRead(name: string, message: string): void {
    this.wrong(name, message);
    this.bad.add(name);
  }

  /** How it ended, and when. Told twice, both must say the same. */
  private end(): { readonly outcome: PastOutcome; readonly at: Instant | null } | null {
    const own = (["won", "lost", "rejected"] as const).filter(
      (one) => this.at(`${one}At`) !== null,
    );
    const word = this.text("outcome");
    if (this.bad.has("outcome")) return null;
    const told = word === null ? null : pastOutcomes.find((one) => fold(one) === fold(word));
    if (told === undefined) {
      this.cannotRead("outcome", `expected one of ${pastOutcomes.join(", ")}`);
      return null;
    }
    const others = own.filter((one) => one !== (told ?? own[0]));
    for (const other of others)
      this.wrong(`${other}At`, `expected no time here: the handoff is ${told ?? own[0]}`);
    const outcome = told ?? own[0];
    if (outcome === undefined) {
      this.wrong(
        "outcome",
        `expected how it ended, or that it is open: ${pastOutcomes.join(", ")}`,
      );
      return null;
    }
    if (others.length > 0) return null;
    return { outcome, at: this.endOf(outcome) };
  }

  private endOf(outcome: PastOutcome): Instant | null {
    const general = this.at("endedAt");
    if (outcome === "open") {
      if (general !== null) this.wrong("endedAt", "expected no time here: it is open");
      return null;
    }
    const own =
      outcome === "won" || outcome === "lost" || outcome === "rejected"
        ? this.at(`${outcome}At`)
        : null;
    if (own !== null && general !== null && own !== general)
      this.wrong("endedAt", `expected the time at which it was ${outcome}, or none`);
    const at = own ?? general;
    const isBad = pastEnds.some((one) => this.bad.has(one));
    if (at === null && !isBad) this.wrong("endedAt", `expected when it ended: it is ${outcome}`);
    return at;
  }

  /** Who takes a step has taken those before it. */
  private checkSteps(outcome: PastOutcome | null): void {
    const missing = new Map<Step, string>();
    if (this.at("mqlAt") === null) missing.set("mqlAt", "every handoff begins with MQL");
    for (const [n, step] of pastSteps.entries())
      if (this.at(step) !== null)
        for (const before of pastSteps.slice(1, n))
          if (this.at(before) === null && !missing.has(before))
            missing.set(before, `${step} says that this step was taken`);
    const isDeal = outcome === "won" || outcome === "lost";
    if (isDeal && this.at("opportunityAt") === null)
      missing.set("opportunityAt", `it is ${outcome}, so there was an opportunity`);
    if (outcome === "rejected" && this.at("handedOffAt") === null)
      missing.set("handedOffAt", "only a handoff that was put before somebody is rejected");
    // Nobody was in touch before somebody had it; who goes on with it must know since when.
    const contact = pastContacts.find((one) => this.at(one) !== null);
    if (outcome === "open" && contact !== undefined && this.at("handedOffAt") === null)
      missing.set("handedOffAt", `${contact} says that somebody had it`);
    for (const [step, why] of missing) this.wrong(step, `expected a time: ${why}`);
    const mayBeDeal = isDeal || outcome === "open";
    if (outcome !== null && !mayBeDeal && this.at("opportunityAt") !== null)
      this.wrong(
        "opportunityAt",
        `expected no time here: it is ${outcome}; a handoff with an opportunity is won, lost or open`,
      );
  }

  private checkOrder(outcome: PastOutcome, endedAt: Instant | null): void {
    const mqlAt = this.at("mqlAt");
    let before: { readonly name: Time; readonly at: Instant } | null = null;
    for (const name of ["arrivedAt", ...pastSteps] as const) {
      const at = this.at(name);
      if (at === null) continue;
      if (before !== null && at < before.at)
        this.wrong(name, `expected a time not before ${before.name}`);
      before = { name, at };
    }
    const isDeal = outcome === "won" || outcome === "lost";
    for (const name of pastContacts) {
      const at = this.at(name);
      if (at === null) continue;
      if (mqlAt !== null && at < mqlAt) this.wrong(name, "expected a time not before mqlAt");
      // A deal is closed by talking; what was given up or refused is not worked afterwards.
      if (endedAt !== null && at > endedAt)
        this.wrong(name, `expected a time not after its end: it is ${outcome}`);
    }
    const own = isDeal || outcome === "rejected" ? (`${outcome}At` as const) : "endedAt";
    const endName = this.at(own) === null ? "endedAt" : own;
    if (endedAt !== null && before !== null && endedAt < before.at)
      this.wrong(endName, `expected a time not before ${before.name}`);
  }

  private reason(outcome: PastOutcome | null): Pick<PastHandoff, "reason" | "reasonGroup"> {
    const none = { reason: null, reasonGroup: null };
    const word = this.text("reason");
    if (this.bad.has("reason")) return none;
    const { reasons } = this.context.agreement.answers;
    const known = Object.keys(reasons);
    if (word === null) {
      if (outcome === "rejected")
        this.wrong("reason", `expected why it was rejected: ${known.join(", ")}`);
      return none;
    }
    if (outcome !== null && outcome !== "rejected") {
      this.wrong("reason", `expected no reason: it is ${outcome}, not rejected`);
      return none;
    }
    const reason = known.find((one) => fold(one) === fold(word));
    if (reason === undefined) {
      this.wrong("reason", `expected a reason of the active agreement: ${known.join(", ")}`);
      return none;
    }
    return { reason, reasonGroup: reasons[reason]?.group ?? null };
  }

  private owner(): string | null {
    const name = this.text("owner");
    if (this.bad.has("owner")) return null;
    if (name === null) {
      if (this.at("handedOffAt") !== null)
        this.wrong("owner", "expected whom it was handed off to");
      return null;
    }
    const [found, ...others] = this.context.ownerOf(name);
    if (found === undefined) {
      this.wrong(
        "owner",
        "expected somebody of the roster, by id, the CRM's id, e-mail or name; who has left " +
          "stands there as `active: false`",
      );
      return null;
    }
    if (others.length > 0) {
      this.wrong("owner", "expected one person: several on the roster have this name; use the id");
      return null;
    }
    return found;
  }

  private amount(): Pick<PastHandoff, "amountMinor" | "currency" | "opportunityCrmId"> {
    const none = { amountMinor: null, currency: null };
    const opportunityCrmId = this.text("opportunityCrmId");
    const amount = this.value("amount");
    const word = this.text("currency");
    const hasDeal = this.at("opportunityAt") !== null;
    if (opportunityCrmId !== null && !hasDeal)
      this.wrong("opportunityCrmId", "expected none: there was no opportunity");
    // A currency may be the same for every row.
    if (typeof amount !== "number") return { ...none, opportunityCrmId };
    const currency = word?.toUpperCase() ?? null;
    const digits = currency === null ? null : minorDigits(currency);
    if (!hasDeal) this.wrong("amount", "expected no amount: there was no opportunity");
    if (digits === null || currency === null) {
      this.wrong("currency", "expected the currency of the amount, such as EUR");
      return { ...none, opportunityCrmId };
    }
    // As it is written: a product of it is not exact where amounts are large.
    const written = amount.toFixed(digits);
    const amountMinor = Number(written.replace(".", ""));
    if (amount < 0) this.wrong("amount", "expected 0 or more");
    else if (Number(written) !== amount)
      this.wrong("amount", `expected at most ${digits} decimals`);
    else if (!Number.isSafeInteger(amountMinor)) this.wrong("amount", "expected a smaller amount");
    return { amountMinor, currency, opportunityCrmId };
  }

  /** When the opportunity came to which stage of the CRM, the earliest first. */
  private dealStages(endedAt: Instant | null): PastHandoff["dealStages"] {
    const opportunityAt = this.at("opportunityAt");
    const told = Object.keys(this.facts).flatMap((field) => {
      const name = dealStageOf(field);
      const at = name === null ? null : this.instant(field.replace("handoff.", ""));
      return name === null || at === null ? [] : [{ name, at }];
    });
    for (const { name, at } of told) {
      const field = `dealStages.${name}`;
      if (opportunityAt === null) {
        if (!this.bad.has("opportunityAt"))
          this.wrong(field, "expected no time here: there was no opportunity");
      } else if (at < opportunityAt) this.wrong(field, "expected a time not before opportunityAt");
      else if (endedAt !== null && at > endedAt)
        this.wrong(field, "expected a time not after its end");
    }
    const isTwice = ({ at }: PastDealStage, n: number) => told.findIndex((o) => o.at === at) < n;
    for (const [n, one] of told.entries())
      if (isTwice(one, n))
        this.wrong(
          `dealStages.${one.name}`,
          "expected a time of its own: another deal stage began then",
        );
    return told.length === 0 ? null : told.toSorted((a, b) => a.at - b.at);
  }

  /** What it was judged to be then: only as it is told. */
  private shape(
    goesOn: boolean,
  ): Pick<PastHandoff, "leadType" | "band" | "fit" | "intent" | "icp" | "segment" | "territory"> {
    const { leadTypes, bands } = this.context.agreement;
    const one = (name: string, words: readonly string[]): string | null => {
      const word = this.text(name);
      if (word === null) return null;
      const known = words.find((other) => fold(other) === fold(word));
      if (known !== undefined) return known;
      this.wrong(name, `expected one of the active agreement: ${words.join(", ")}`);
      return null;
    };
    const number = (name: string): number | null => {
      const value = this.value(name);
      return typeof value === "number" ? value : null;
    };
    const icp = this.value("icp");
    const leadType = one(
      "leadType",
      leadTypes.map(({ name }) => name),
    );
    if (leadType === null && goesOn)
      this.wrong(
        "leadType",
        `expected what it was handed off as, whose clocks it has from now on: ${leadTypes.map(({ name }) => name).join(", ")}`,
      );
    return {
      leadType,
      band: one("band", [...new Set(bands.map(({ band }) => band))]),
      fit: number("fit"),
      intent: number("intent"),
      icp: typeof icp === "boolean" ? icp : null,
      segment: this.text("segment"),
      territory: this.text("territory"),
    };
  }
}

/** Asked for each row of a file, and slow to find out. */
const digitsOf = new Map<string, number | null>();

/** How many decimals a currency has; null when there is none of this code. */
function minorDigits(currency: string): number | null {
  const kept = digitsOf.get(currency);
  if (kept !== undefined) return kept;
  if (!Intl.supportedValuesOf("currency").includes(currency)) return null;
  const digits =
    new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions()
      .maximumFractionDigits ?? null;
  digitsOf.set(currency, digits);
  return digits;
}

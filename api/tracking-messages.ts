import { z } from "@hono/zod-openapi";
import type { Agreement } from "../handoff/agreement.ts";
import { builtInFields, type FieldPath } from "../handoff/facts/facts.ts";
import { withoutEdges } from "../handoff/facts/text.ts";
import { canHaveHappened, instantOf } from "../handoff/time/dates.ts";
import { readFact } from "../spellings/fact.ts";
import { checkEngagement } from "../store/intake/engagement-rules.ts";
import type { TrackedMessage } from "../store/intake/tracking.ts";

const name = z.string().overwrite(withoutEdges).min(1).max(300);
const time = z
  .string()
  .max(40)
  .refine((text) => instantOf(text) !== null, "an ISO 8601 time");
const bag = z.record(z.string(), z.unknown());

/** What every Segment call has; members that we do not use are let through. */
const common = {
  messageId: name,
  userId: name.nullish(),
  anonymousId: name.nullish(),
  timestamp: time.optional(),
  sentAt: time.nullish(),
  context: z
    .looseObject({
      campaign: z
        .looseObject({
          source: z.string().max(300).optional(),
          name: z.string().max(300).optional(),
        })
        .optional(),
      traits: bag.optional(),
    })
    .optional(),
};
const calls = {
  track: z.looseObject({
    ...common,
    type: z.literal("track"),
    event: name,
    properties: bag.nullish(),
  }),
  page: z.looseObject({
    ...common,
    type: z.literal("page"),
    name: name.nullish(),
    category: name.nullish(),
    properties: bag.nullish(),
  }),
  identify: z.looseObject({ ...common, type: z.literal("identify"), traits: bag.nullish() }),
  group: z.looseObject({
    ...common,
    type: z.literal("group"),
    groupId: name.nullish(),
    traits: bag.nullish(),
  }),
};
export const segmentCall = z.discriminatedUnion("type", [
  calls.track,
  calls.page,
  calls.identify,
  calls.group,
]);
export type SegmentCall = z.output<typeof segmentCall>;
export const segmentTypes = ["track", "page", "identify", "group"] as const;

export type Read =
  | { readonly message: TrackedMessage; readonly ignored: string[] }
  | { readonly field: string; readonly problem: string };

/**
 * A call in Segment's format as what it tells us; `sentAt` may stand on the batch. Traits that
 * cannot be read are named in `ignored`.
 */
export function readCall(
  call: SegmentCall,
  context: {
    readonly now: number;
    readonly sentAt?: string | undefined;
    readonly agreement: Agreement;
  },
): Read {
  if (!call.userId && !call.anonymousId)
    return { field: "userId", problem: "expected userId or anonymousId" };
  const who = {
    ...(call.userId ? { userId: call.userId } : {}),
    ...(call.anonymousId ? { anonymousId: call.anonymousId } : {}),
  };
  const occurredAt = occurred(call.timestamp, call.sentAt ?? context.sentAt, context.now);
  if (call.type === "identify" || call.type === "group") {
    const { facts, ignored } =
      call.type === "identify"
        ? personFacts(call, context.agreement)
        : companyFacts(call.traits ?? {}, context.agreement);
    const wrong = checkEngagement({ messageId: call.messageId, type: call.type, occurredAt });
    if (wrong)
      return {
        field: wrong.field === "occurredAt" ? "timestamp" : wrong.field,
        problem: wrong.message,
      };
    return {
      message: { kind: call.type, who, facts, occurredAt: Math.min(occurredAt, context.now) },
      ignored,
    };
  }
  const properties = call.properties ?? {};
  const topic =
    text(properties.topic) ??
    (call.type === "page" ? (call.category ?? undefined) : text(properties.category));
  const asset =
    text(properties.asset) ?? (call.type === "page" ? text(properties.path) : undefined);
  const engagement = {
    messageId: call.messageId,
    type:
      call.type === "track"
        ? typeOf([call.event], context.agreement)
        : pageType(call, context.agreement),
    occurredAt,
    ...(topic === undefined ? {} : { topic }),
    ...(asset === undefined ? {} : { asset }),
  };
  const wrong = checkEngagement(engagement);
  if (wrong)
    return {
      field: wrong.field === "occurredAt" ? "timestamp" : wrong.field,
      problem: wrong.message,
    };
  return { message: { kind: "engagement", who, engagement }, ignored: [] };
}

/**
 * A sender's clock may be wrong by a day at most; a larger difference is a delayed batch, not a
 * clock.
 */
const largestSkewMs = 86_400_000;

/**
 * Segment's rule: the event's time on the sender's clock, moved by how wrong that clock was when it
 * sent.
 */
function occurred(
  timestamp: string | undefined,
  sentAt: string | undefined | null,
  now: number,
): number {
  const at = timestamp === undefined ? null : instantOf(timestamp);
  const sent = sentAt ? instantOf(sentAt) : null;
  // A device that does not know the time says that it is 1970.
  if (at === null || !canHaveHappened(at)) return now;
  const skew = sent === null ? 0 : now - sent;
  return Math.abs(skew) <= largestSkewMs ? at + skew : at;
}

/**
 * "Demo Request" is the agreement's `demo_request`; a name the agreement does not know is kept as
 * it is written there.
 */
function typeOf(names: readonly string[], agreement: Agreement): string {
  const snake = names.map((one) =>
    one
      .trim()
      .replace(/([a-z\d])([A-Z])/g, "$1_$2")
      .replace(/[^\p{L}\p{N}]+/gu, "_")
      .replace(/^_+|_+$/g, "")
      .toLowerCase(),
  );
  const known = [...names, ...snake].find((one) => Object.hasOwn(agreement.signals, one));
  return known ?? (snake.at(-1) || "event");
}

/** The page "Pricing" is the signal `pricing_page`, or `pricing_view`, or a `page_view`. */
function pageType(call: Extract<SegmentCall, { type: "page" }>, agreement: Agreement): string {
  const titles = [call.name, call.category].filter((one) => typeof one === "string");
  return typeOf(
    [...titles.flatMap((title) => [title, `${title} page`, `${title} view`]), "page_view"],
    agreement,
  );
}

/**
 * Segment's reserved traits by our names; others count when the agreement has a field of that name.
 */
const personTraits: Readonly<Record<string, FieldPath>> = {
  position: "lead.title",
  jobTitle: "lead.title",
  industry: "account.industry",
  employees: "account.employees",
};
const companyTraits: Readonly<Record<string, FieldPath>> = {
  website: "account.domain",
  employee_count: "account.employees",
  size: "account.employees",
};

function personFacts(
  call: Extract<SegmentCall, { type: "identify" }>,
  agreement: Agreement,
): Facts {
  const { company, address, ...traits } = { ...call.context?.traits, ...call.traits };
  const campaign = call.context?.campaign;
  return merge(
    // What a tracker brings has at least tracking as its source; the first source stands.
    parse(
      {
        source: campaign?.source ?? "tracking",
        ...(campaign?.name === undefined ? {} : { campaign: campaign.name }),
      },
      "lead",
      {},
      agreement,
    ),
    parse(traits, "lead", personTraits, agreement),
    typeof address === "object" && address !== null
      ? parse({ country: (address as { country?: unknown }).country }, "lead", {}, agreement)
      : none,
    typeof company === "string"
      ? parse({ name: company }, "account", companyTraits, agreement)
      : typeof company === "object" && company !== null
        ? parse(company as Record<string, unknown>, "account", companyTraits, agreement)
        : none,
  );
}

function companyFacts(given: Readonly<Record<string, unknown>>, agreement: Agreement): Facts {
  const { address, ...traits } = given;
  return merge(
    parse(traits, "account", companyTraits, agreement),
    typeof address === "object" && address !== null
      ? parse({ country: (address as { country?: unknown }).country }, "account", {}, agreement)
      : none,
  );
}

interface Facts {
  readonly facts: Record<FieldPath, unknown>;
  readonly ignored: string[];
}
const none: Facts = { facts: {}, ignored: [] };

function parse(
  traits: Readonly<Record<string, unknown>>,
  subject: "lead" | "account",
  renamed: Readonly<Record<string, FieldPath>>,
  agreement: Agreement,
): Facts {
  const facts: Record<FieldPath, unknown> = {};
  const ignored: string[] = [];
  for (const [trait, value] of Object.entries(traits)) {
    const own = `${subject}.${trait}`;
    const field =
      Object.hasOwn(builtInFields, own) || Object.hasOwn(agreement.fields, own)
        ? own
        : Object.hasOwn(renamed, trait)
          ? renamed[trait]
          : undefined;
    if (field === undefined || value === undefined) continue;
    const normal = readFact(field, value, agreement);
    if ("problem" in normal) ignored.push(normal.problem);
    else if ("value" in normal) facts[field] = value;
  }
  return { facts, ignored };
}

function merge(...parts: readonly Facts[]): Facts {
  return {
    facts: Object.assign({}, ...parts.map((part) => part.facts)) as Record<FieldPath, unknown>,
    ignored: parts.flatMap((part) => part.ignored),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim().slice(0, 300) : undefined;
}

import fc from "fast-check";
import { expect, test } from "vitest";
import type { Condition, Matcher } from "../../../handoff/agreement.ts";
import type { Engagement, FactValue } from "../../../handoff/facts/facts.ts";
import { truths } from "../../../handoff/qualify/compiled.ts";
import { evaluator, type Known, type Scores } from "../../../handoff/qualify/condition.ts";
import { happenedBy } from "../../../handoff/qualify/engagements.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const now = Date.UTC(2026, 10, 20, 15);
const day = 86_400_000;
const example = exampleAgreement();

const values: readonly FactValue[] = [
  "US",
  " us ",
  "2026-11-01",
  50,
  5_000,
  true,
  false,
  ["US", "DE"],
  [],
];
const value = fc.constantFrom(...values);
const matcher: fc.Arbitrary<Matcher> = fc.oneof(
  fc.record({ op: fc.constant("is" as const), value }),
  fc.record({
    op: fc.constantFrom("in" as const, "notIn" as const),
    values: fc.array(value, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    op: fc.constantFrom("atLeast" as const, "atMost" as const, "above" as const, "below" as const),
    value: fc.constantFrom(0, 40, 50, 5_000, Date.UTC(2026, 10, 1)),
  }),
  fc.record({ op: fc.constant("contains" as const), value: fc.constantFrom("u", "US") }),
  fc.record({ op: fc.constant("exists" as const), value: fc.boolean() }),
  fc.record({ op: fc.constant("matches" as const), glob: fc.constantFrom("u*", "*") }),
);
const matchers = fc.array(matcher, { minLength: 1, maxLength: 2 });
const fields = [
  "account.country",
  "account.employees",
  "account.customer",
  "account.techStack",
  "lead.firstTouchAt",
  "constructor",
];
const signal = fc.constantFrom(
  ...Object.keys(example.signals),
  { depth: "high" } as const,
  { depth: "mid" } as const,
  "unheard_of",
);
const withinMs = fc.constantFrom(undefined, day, 30 * day);
const within = (ms: number | undefined) => (ms === undefined ? {} : { withinMs: ms });
const at = "here";
const condition = fc.letrec<{ node: Condition }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc
      .record({ field: fc.constantFrom(...fields), matchers })
      .map((one): Condition => ({ kind: "fact", at, ...one })),
    fc
      .record({
        of: fc.constantFrom(
          "score.fit" as const,
          "score.intent" as const,
          "band" as const,
          "engagement.topic" as const,
          "engagement.count" as const,
        ),
        matchers,
      })
      .map((one): Condition => ({ kind: "derived", at, ...one })),
    fc
      .tuple(signal, fc.integer({ min: 1, max: 3 }), withinMs)
      .map(([of, atLeast, ms]): Condition => ({
        kind: "signal",
        signal: of,
        atLeast,
        at,
        ...within(ms),
      })),
    fc
      .tuple(fc.integer({ min: 1, max: 3 }), withinMs)
      .map(([count, ms]): Condition => ({ kind: "meaningful", count, at, ...within(ms) })),
    fc
      .constantFrom("icp", "first", "second", "engaged")
      .map((name): Condition => ({ kind: "named", name, at })),
    fc
      .tuple(
        fc.constantFrom("all" as const, "any" as const, "none" as const),
        fc.array(tie("node"), { minLength: 1, maxLength: 3 }),
      )
      .map(([kind, of]): Condition => ({ kind, of, at })),
  ),
})).node;

const engagement: fc.Arbitrary<Engagement> = fc
  .record({
    id: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    type: fc.constantFrom(...Object.keys(example.signals), "unheard_of"),
    daysAgo: fc.constantFrom(-1, 0, 1, 2, 30, 31, 90),
    topic: fc.constantFrom(undefined, "US", "sla"),
  })
  .map(({ daysAgo, topic, ...one }) => ({
    ...one,
    occurredAt: now - daysAgo * day,
    ...(topic === undefined ? {} : { topic }),
  }));
const known: fc.Arbitrary<Known> = fc
  .record({
    facts: fc.dictionary(fc.constantFrom(...fields), value),
    engagements: fc.array(engagement, { maxLength: 8 }),
    engaged: fc.constantFrom(undefined, true, false),
  })
  .map(({ engaged, ...one }) => ({ ...one, now, ...(engaged === undefined ? {} : { engaged }) }));
const scores: fc.Arbitrary<Scores | undefined> = fc.option(
  fc.record({
    fit: fc.constantFrom(0, 40, 50),
    intent: fc.constantFrom(0, 40, 50),
    band: fc.constantFrom("A" as const, "D" as const),
  }),
  { nil: undefined },
);

/** Names that stand for generated conditions; a name may only use those before it. */
const withoutNames = (one: Condition): Condition => {
  if (one.kind === "named") return { kind: "named", name: "icp", at };
  return "of" in one && typeof one.of === "object" ? { ...one, of: one.of.map(withoutNames) } : one;
};

test("conditions asked without a trace have the truth that their trace ends in", () => {
  const met = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(condition, { minLength: 1, maxLength: 4 }),
      condition,
      condition,
      known,
      scores,
      (asked, first, second, about, derived) => {
        const named = {
          ...example.named,
          first: withoutNames(first),
          second: {
            kind: "any",
            of: [{ kind: "named", name: "first", at }, withoutNames(second)],
            at,
          },
        } as const;
        const agreement = { ...example, named };
        const explained = evaluator(about, agreement, derived);
        const ground = { ...about, happened: happenedBy(about.engagements, about.now) };
        const ask = truths(agreement, {
          ...ground,
          ...(derived === undefined ? {} : { scores: derived }),
        });
        for (const one of [...asked, ...asked]) {
          const { result } = explained(one);
          met.add(`${one.kind} ${result}`);
          expect(ask(one)).toBe(result);
        }
      },
    ),
    { numRuns: 2_000, endOnFailure: true },
  );
  // Each kind was seen to hold and not to hold, and to be unknown where it can be.
  for (const kind of ["all", "any", "none", "named", "fact", "derived"])
    for (const truth of ["true", "false", "unknown"]) expect(met).toContain(`${kind} ${truth}`);
  for (const kind of ["signal", "meaningful"])
    for (const truth of ["true", "false"]) expect(met).toContain(`${kind} ${truth}`);
});

test("a name that the agreement does not define throws here as well", () => {
  const ask = truths(example, { facts: {}, engagements: [], happened: [], now });
  expect(() => ask({ kind: "named", name: "nowhere", at: "x" })).toThrow(
    'x uses the condition "nowhere"',
  );
});

import fc from "fast-check";
import { actions, type ActionName } from "../../../handoff/stage.ts";
import { people } from "../situation.ts";

/** Which moment the clock goes to: relative to the next instant that the subject waits for. */
export const jumps = [
  "next",
  "before",
  "just-after",
  "minutes",
  "hours",
  "days",
  "weeks",
  "a-year",
] as const;
export type Jump = (typeof jumps)[number];

export const factChanges = [
  "name-lost",
  "name-found",
  "mail-wrong",
  "mail-right",
  "phone-found",
  "opted-out",
  "opted-in",
  "small",
  "large",
  "customer",
  "no-customer",
  "two-match",
  "one-match",
  "pipeline",
  "no-pipeline",
] as const;
export type FactChange = (typeof factChanges)[number];

export const signals = [
  "demo_request",
  "trial_active",
  "pricing_page",
  "buyers_guide",
  "blog_view",
];

/** One thing that happens to the small world of the walk. Plain data, so that it shrinks. */
export type Step =
  | {
      readonly do: "act";
      readonly name: ActionName | "allowed";
      readonly who: Actor;
      readonly variant: number;
      readonly seen: "none" | "now" | "earlier";
      readonly late: boolean;
      readonly via: "api" | "crm";
    }
  | { readonly do: "again" }
  | { readonly do: "time"; readonly to: Jump }
  | { readonly do: "wait"; readonly to: Jump }
  | { readonly do: "route"; readonly variant: number; readonly late: boolean }
  | { readonly do: "late-answer"; readonly which: number }
  | { readonly do: "engage"; readonly signal: string; readonly told: boolean }
  | { readonly do: "facts"; readonly change: FactChange }
  | {
      readonly do: "person";
      readonly who: string;
      readonly change: PersonChange;
      readonly told: boolean;
    }
  | { readonly do: "roster" }
  | { readonly do: "policy"; readonly version: number; readonly told: boolean }
  | { readonly do: "rejudge" }
  | { readonly do: "opportunity"; readonly told: boolean }
  | { readonly do: "opportunity-ends"; readonly how: "won" | "lost" }
  | { readonly do: "pool-review" }
  | { readonly do: "task-done"; readonly which: number }
  | { readonly do: "merge" }
  | { readonly do: "absorb"; readonly variant: number }
  | { readonly do: "erase" }
  | { readonly do: "reopen" }
  | { readonly do: "new-life" };

export const actors = ["owner", "former", "other", "manager", "operator"] as const;
export type Actor = (typeof actors)[number];
export const personChanges = [
  "leave",
  "return",
  "always",
  "newYork",
  "berlin",
  "never",
  "ill",
  "day-off",
  "vacation-ahead",
  "present",
  "deputy",
  "no-deputy",
] as const;
export type PersonChange = (typeof personChanges)[number];

const jump = fc.constantFrom(...jumps);
const soon = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Jump>("next") },
  { weight: 4, arbitrary: jump },
);
const mostly = (yes: number) =>
  fc.oneof(
    { weight: yes, arbitrary: fc.constant(true) },
    { weight: 1, arbitrary: fc.constant(false) },
  );

const act = fc.record({
  do: fc.constant("act" as const),
  name: fc.oneof(
    { weight: 5, arbitrary: fc.constant("allowed" as const) },
    { weight: 2, arbitrary: fc.constantFrom(...actions) },
  ),
  who: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Actor>("owner") },
    { weight: 4, arbitrary: fc.constantFrom(...actors) },
  ),
  variant: fc.nat(11),
  seen: fc.constantFrom("none" as const, "none" as const, "now" as const, "earlier" as const),
  late: fc.constantFrom(false, false, false, true),
  via: fc.constantFrom("api" as const, "api" as const, "crm" as const),
});

/** What happens next; what moves a life on comes more often than what ends it. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: act },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("again" as const) }) },
  { weight: 16, arbitrary: fc.record({ do: fc.constant("time" as const), to: soon }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("wait" as const), to: soon }) },
  {
    weight: 24,
    arbitrary: fc.record({
      do: fc.constant("route" as const),
      variant: fc.nat(11),
      late: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("late-answer" as const),
      which: fc.nat(5),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant("engage" as const),
      signal: fc.constantFrom(...signals),
      told: mostly(5),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant("facts" as const),
      change: fc.constantFrom(...factChanges),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("person" as const),
      who: fc.constantFrom(...Object.keys(people)),
      change: fc.constantFrom(...personChanges),
      told: mostly(3),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("roster" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("policy" as const),
      version: fc.nat(6),
      told: mostly(3),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rejudge" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("opportunity" as const), told: mostly(3) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("opportunity-ends" as const),
      how: fc.constantFrom("won" as const, "lost" as const, "lost" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pool-review" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("task-done" as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("merge" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("absorb" as const), variant: fc.nat(63) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("erase" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("new-life" as const) }) },
);

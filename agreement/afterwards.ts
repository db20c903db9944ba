import type { Agreement, ReturnCondition } from "../handoff/agreement.ts";
import type { Target } from "../handoff/time/deadline.ts";
import type { Shape } from "./shape.ts";
import type { YamlNode } from "./source.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { isMap } from "yaml";
import { readEngagement } from "./conditions.ts";
import { span } from "./durations.ts";
import { role } from "./names.ts";
import {
  from,
  list,
  may,
  named,
  need,
  number,
  object,
  oneOf,
  orElse,
  scalarText,
} from "./shape.ts";
import { keyText } from "./source.ts";

/** Work after acceptance. */
export const working = object({
  attempts: need(
    number("a count of attempts", { min: 1, max: 100, whole: true }),
    "how many attempts are made",
  ),
  over: need(span, "over what time; then the lead goes to re-nurture"),
  stalledAfter: need(span, "after how long without news work counts as stalled"),
});

/**
 * `{ signal: ..., since: exit }`, `{ intent: { risesBy: 20 }, since: exit }` or `{ date: revisitOn
 * }`.
 */
function returnCondition(words: Vocabulary): Shape<ReturnCondition> {
  const sinceExit = may(oneOf(["exit"]), "since the lead entered the pool");
  const rise = object({
    intent: need(
      object({ risesBy: need(number("points", { min: 0.1, max: 100_000 }), "points") }),
      "a rise of the intent score",
    ),
    since: sinceExit,
  });
  const date = object({ date: need(oneOf(["revisitOn"]), "the date the rejection named") });
  return {
    schema: { $ref: "#/$defs/returnCondition" },
    read(node, place) {
      const keys = isMap(node) ? node.items.map((pair) => keyText(pair.key)) : [];
      const at = place.path;
      if (keys.includes("intent")) {
        const given = rise.read(node, place);
        return given && { kind: "intent-rises", by: given.intent.risesBy, at };
      }
      if (keys.includes("date"))
        return date.read(node, place) && { kind: "date", field: "revisitOn", at };
      if (!keys.includes("signal") && !keys.includes("depth"))
        return place.expected(
          "`{ signal: ..., since: exit }`, `{ intent: { risesBy: 20 }, since: exit }` or `{ " +
            "date: revisitOn }`",
          node,
        );
      const parts = readEngagement(node, place, words.signals, ["since"]);
      if (!parts || parts.meaningful !== undefined) return undefined;
      const since = isMap(node)
        ? node.items.find((pair) => keyText(pair.key) === "since")
        : undefined;
      if (
        since &&
        oneOf(["exit"]).read(since.value as YamlNode, place.child("since", since.key)) === undefined
      )
        return undefined;
      return { kind: "signal", signal: parts.signal, atLeast: parts.atLeast, at };
    },
    standIn: (at) => ({ kind: "date", field: "revisitOn", at }),
  };
}

/** What brings a lead back from the re-nurture pool. */
export function renurture(words: Vocabulary): Shape<Agreement["renurture"]> {
  return object({
    return: need(
      list(
        object({ when: need(returnCondition(words), "what brings a lead back") }),
        "return conditions",
        { min: 1, max: 50 },
      ),
      "any of these starts a new handoff cycle",
    ),
    reviewEvery: orElse(
      oneOf(["month", "quarter"]),
      "quarter",
      "how often people look through the pool",
    ),
    maxCycles: need(
      number("a count of cycles", { min: 1, max: 100, whole: true }),
      "how often a lead may be handed off",
    ),
    returnClosed: orElse(
      from(named(spanOrNever, "closed reasons"), (given) => ({ ...lostReturns, ...given })),
      lostReturns,
      "how long after the end a hand raised begins a new cycle, by closed reason",
    ),
  });
}

const lostReturns: Agreement["renurture"]["returnClosed"] = {
  lost: { kind: "elapsed", ms: 90 * 86_400_000 },
};

/** `90 days`, or `never`: then only a person brings the lead back. */
const spanOrNever: Shape<Target | null> = {
  schema: { anyOf: [span.schema, { const: "never" }] },
  read: (node, place) => (scalarText(node) === "never" ? null : span.read(node, place)),
  standIn: () => null,
};

/** Tasks of people. */
export const tasks: Shape<Agreement["tasks"]> = object({
  within: need(span, "how long a task may wait before it is asked for again"),
});

export const tasksByDefault: Agreement["tasks"] = { within: { kind: "business-days", days: 1 } };

/** The review by a person that every lead in nurture comes to. */
export const nurture: Shape<{ readonly humanReviewAfter: Target; readonly reviewer: string }> =
  object({
    humanReviewAfter: need(span, "after how long a person looks at a lead in nurture"),
    reviewer: need(role, "the role that looks"),
  });

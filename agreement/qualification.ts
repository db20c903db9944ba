import type { Agreement, Condition } from "../handoff/agreement.ts";
import type { Shape } from "./shape.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { isScalar } from "yaml";
import { builtInFields } from "../handoff/facts/facts.ts";
import { depths } from "./conditions.ts";
import { asciiDomain } from "../spellings/email.ts";
import { elapsedMs, twoTargets } from "./durations.ts";
import { name } from "./names.ts";
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
  standingIn,
  text,
} from "./shape.ts";
import { joinPath, plainText } from "./source.ts";
import { fieldTypes } from "./vocabulary.ts";
import { didYouMean } from "./words.ts";

/** The sections that say who and what qualifies, one shape each, in the order of the file. */

export const parties: Shape<readonly string[]> = from(
  list(text("a party such as marketing"), "parties", { max: 2 }),
  (named, place) =>
    new Set(named).size === named.length ? named : place.wrong("expected two different parties"),
  { type: "array", items: { type: "string" }, maxItems: 2 },
);

export const declaredFields: Shape<Agreement["fields"]> = named(
  // Conditions on a field whose type could not be read take it for text as well (`vocabularyOf`).
  standingIn(oneOf(fieldTypes), () => "text"),
  "fields and their types",
  (name) => {
    if (Object.hasOwn(builtInFields, name)) return "a new name (this field is built in)";
    return /^(lead|account)\.[A-Za-z][A-Za-z0-9_]{0,60}$/.test(name)
      ? null
      : "a name such as lead.favouriteTool or account.region2";
  },
);

export const nullWords: Shape<readonly string[]> = {
  schema: { type: "array", items: { type: "string" } },
  read: (node, place) => list(nullWord, "words that mean nothing").read(node, place),
};

/** May be empty, unlike other text. */
const nullWord: Shape<string> = {
  schema: { type: "string" },
  read(node, place) {
    if (!isScalar(node)) return place.expected("a word such as n/a", node);
    return node.value === null
      ? "null"
      : (plainText(node.value) ?? place.expected("a word such as n/a", node));
  },
};

export function fieldName(words: Vocabulary): Shape<string> {
  const known = Object.keys(words.fields);
  return from(text("a field such as lead.email"), (field, place, node) =>
    known.includes(field)
      ? field
      : place.unknown(
          `expected a built-in field or one declared under \`fields:\`, found ` +
            `"${field}"${didYouMean(field, known)}`,
          node,
        ),
  );
}

const domain = from(text("a domain such as example.com"), (name, place, node) =>
  /^[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+$/u.test(name)
    ? asciiDomain(name)
    : place.expected("a domain such as example.com", node),
);

export const emailDomains = object({
  free: orElse(
    list(domain, "domains", { max: 20_000 }),
    [],
    "more providers that anybody can join",
  ),
  disposable: orElse(
    list(domain, "domains", { max: 20_000 }),
    [],
    "more providers of throw-away addresses",
  ),
});

export const signals: Shape<Agreement["signals"]> = named(
  from(
    object({
      points: need(number("points", { min: -1000, max: 1000 }), "what it adds to the intent score"),
      depth: need(oneOf(depths), "how serious the interest is"),
      halfLife: may(elapsedMs, "after this long it counts half; without it, it never fades"),
    }),
    ({ points, depth, halfLife }) => ({
      points,
      depth,
      ...(halfLife === undefined ? {} : { halfLifeMs: halfLife }),
    }),
  ),
  "signals",
);

export const bands: Shape<Agreement["bands"]> = from(
  list(
    object({
      band: need(oneOf(["A", "B", "C", "D"]), "the band"),
      fit: may(number("fit points", { min: -10_000, max: 10_000 }), "least fit"),
      intent: may(number("intent points", { min: -10_000, max: 10_000 }), "least intent"),
    }),
    "bands",
    { min: 1, max: 40 },
  ),
  (rows, place) => {
    const open = rows.findIndex((row) => row.fit === undefined && row.intent === undefined);
    if (open === rows.length - 1) return rows;
    if (open < 0) {
      place.wrong(
        "expected a last row without fit and intent, such as `- { band: D }`, so that every " +
          "lead has a band",
      );
      return rows;
    }
    place.reading.report(
      "problems",
      joinPath(place.path, open),
      "expected the row without fit and intent to be the last one; rows below it are never reached",
    );
    return rows.slice(0, open + 1);
  },
);

export function leadType(condition: Shape<Condition>) {
  return object({
    name: need(name("lead type"), "the lead type's name"),
    path: need(oneOf(["fast", "standard"]), "fast or standard"),
    priority: need(
      number("a priority, 1 the most urgent,", { min: 1, max: 5, whole: true }),
      "1 the most urgent, 5 the least",
    ),
    when: need(condition, "when a lead is of this type"),
    ...twoTargets,
  });
}

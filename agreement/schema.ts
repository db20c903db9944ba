import type { JsonSchema } from "./shape.ts";
import type { Vocabulary } from "./vocabulary.ts";
import { builtInFields } from "../handoff/facts/facts.ts";
import { derivedTypes } from "../handoff/qualify/condition.ts";
import { conditionShape, depths } from "./conditions.ts";
import { documentShape } from "./document.ts";
import { elapsedMs } from "./durations.ts";
import { allMatchers } from "./matchers.ts";
import { territoryShape } from "./routing.ts";

/**
 * The JSON Schema of agreement files, for editors. It is made from the shapes the parser reads
 * with, so the two cannot drift apart; names that a file defines for itself are left open, only the
 * parser knows them.
 */
export function agreementSchema(): JsonSchema {
  const words: Vocabulary = {
    fields: builtInFields,
    signals: [],
    names: [],
    calendars: [],
    nullWords: [],
  };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Handoff agreement",
    ...documentShape(words).schema,
    $defs: {
      condition: conditionSchema,
      returnCondition: returnSchema,
      territory: territoryShape(conditionShape(words, { count: 0 })).schema,
      matchers: matchersSchema,
      signalName: signalSchema,
    },
  };
}

const scalar = { type: ["string", "number", "boolean"] };
const count = { type: "integer", minimum: 1 };
const conditions = { type: "array", items: { $ref: "#/$defs/condition" }, minItems: 1 };
const signalSchema = {
  anyOf: [{ type: "string" }, closed({ depth: { enum: depths } }, ["depth"])],
};

const matchersSchema = {
  anyOf: [
    scalar,
    {
      type: "object",
      minProperties: 1,
      additionalProperties: false,
      properties: Object.fromEntries(allMatchers.map((op) => [op, operand(op)])),
    },
  ],
};

/**
 * Built-in and worked-out fields by name, so that an editor can offer them; declared ones by their
 * pattern.
 */
const conditionSchema = {
  description:
    "A condition: the name of one, all, any or none of several, a fact, or something the person did.",
  anyOf: [
    { type: "string" },
    ...["all", "any", "none"].map((group) => closed({ [group]: conditions }, [group])),
    {
      type: "object",
      minProperties: 1,
      maxProperties: 1,
      additionalProperties: false,
      properties: Object.fromEntries(
        [...Object.keys(derivedTypes), ...Object.keys(builtInFields)].map((field) => [
          field,
          { $ref: "#/$defs/matchers" },
        ]),
      ),
      patternProperties: {
        "^(lead|account)\\.[A-Za-z][A-Za-z0-9_]*$": { $ref: "#/$defs/matchers" },
      },
    },
    closed({ signal: { $ref: "#/$defs/signalName" }, within: elapsedMs.schema, atLeast: count }, [
      "signal",
    ]),
    closed({ depth: { enum: depths }, within: elapsedMs.schema, atLeast: count }, ["depth"]),
    closed({ meaningful: count, within: elapsedMs.schema }, ["meaningful"]),
  ],
};

const returnSchema = {
  anyOf: [
    closed({ signal: { $ref: "#/$defs/signalName" }, atLeast: count, since: { enum: ["exit"] } }, [
      "signal",
    ]),
    closed({ depth: { enum: depths }, atLeast: count, since: { enum: ["exit"] } }, ["depth"]),
    closed(
      {
        intent: closed({ risesBy: { type: "number", exclusiveMinimum: 0 } }, ["risesBy"]),
        since: { enum: ["exit"] },
      },
      ["intent"],
    ),
    closed({ date: { enum: ["revisitOn"] } }, ["date"]),
  ],
};

function closed(properties: JsonSchema, required: readonly string[]): JsonSchema {
  return { type: "object", properties, required, additionalProperties: false };
}

function operand(op: string): JsonSchema {
  switch (op) {
    case "in":
    case "notIn":
      return { type: "array", items: scalar, minItems: 1 };
    case "exists":
      return { type: "boolean" };
    case "contains":
    case "matches":
      return { type: ["string", "number"] };
    default:
      return { type: ["number", "string"] };
  }
}

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { parseAgreement } from "../../agreement/parse.ts";
import { agreementSchema } from "../../agreement/schema.ts";
import { edited, exampleText } from "../support/example-agreement.ts";

const written: unknown = JSON.parse(
  readFileSync(new URL("../../agreement/agreement.schema.json", import.meta.url), "utf8"),
);

test(
  "the schema in the repository is the one the parser makes (node --import tsx " +
    "tools/agreement-schema.ts)",
  () => {
    expect(written).toEqual(JSON.parse(JSON.stringify(agreementSchema())));
  },
);

describe("editors and the parser agree", () => {
  const schema = z.fromJSONSchema(written as Parameters<typeof z.fromJSONSchema>[0]);
  const accepts = (text: string) => schema.safeParse(parse(text)).success;

  test.each([
    ["the example", exampleText],
    ["the course seller's", readFileSync(new URL("./education.yaml", import.meta.url), "utf8")],
  ])("%s passes both", (_, text) => {
    expect([accepts(text), parseAgreement(text).ok]).toEqual([true, true]);
  });

  test.each([
    ["depth: high }\n  trial_started", "depth: deep }\n  trial_started"],
    ["{ lead.doNotContact: true }", "{ lead.doNotContact: true, lead.email: x }"],
    ["account.employees: { atLeast: 50, atMost: 5000 }", "account.employees: { gte: 50 }"],
    ["  fallback: sales-ops", "  fallbak: sales-ops"],
    ["outreach: 4 business hours", "outreach: soon"],
    ["{ name: dach,", "{ nom: dach,"],
    ["warnAt: [50%, 80%]", "warnAt: [50]"],
    ["{ date: revisitOn }", "{ date: soon }"],
    ["{ band: D }", "{ band: E }"],
    ["signedBy: [marketing, sales]", "signedBy: [marketing, sales, service]"],
    ["{ meaningful: 2, within: 30 days }", "{ meaningful: 2, atLeast: 3 }"],
  ])("%s -> %s fails both", (from, to) => {
    const text = edited([from, to]);
    expect([accepts(text), parseAgreement(text).ok]).toEqual([false, false]);
  });
});

import { describe, expect, test } from "vitest";
import { rolesOf, tellerOfRole } from "../../../api/http/authorisation.ts";
import type { Agreement } from "../../../handoff/agreement.ts";
import { factDocument } from "../../../handoff/facts/fact-document.ts";
import {
  derivedFields,
  factKindOf,
  maySet,
  suppressionFields,
  tellers,
  trackedFields,
  whoMaySet,
  type Teller,
} from "../../../handoff/facts/fact-rights.ts";
import { builtInFields, type FactValue } from "../../../handoff/facts/facts.ts";
import { roles } from "../../../store/access/tokens.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const agreement = exampleAgreement();
const values = { text: "x", number: 3, boolean: true, date: "2026-11-20", list: ["x"] } as const;
const settable = (teller: Teller, by: Agreement = agreement) =>
  Object.entries(builtInFields)
    .flatMap(([field, type]) => (maySet(teller, field, values[type], by) ? [field] : []))
    .toSorted();

test("docs/facts.md says what the table says", async () => {
  await expect(factDocument()).toMatchFileSnapshot("../../../docs/facts.md");
});

describe("who may set what", () => {
  const all: Teller[] = ["office", "crm", "sales", "tracking"];
  const desk: Teller[] = ["office", "crm"];
  test.each<[string, FactValue, Teller[]]>([
    ["lead.title", "CFO", all],
    ["lead.phone", "+44 1", all],
    ["lead.timeline", "now", ["office", "crm", "sales"]],
    ["lead.seniority", "vp", ["office", "crm", "sales"]],
    ["lead.firstTouchAt", "2026-11-20", ["office", "crm", "sales"]],
    ["lead.favouriteTool", "hammer", all],
    ["account.employees", 12, ["office", "crm", "tracking"]],
    ["account.techStack", ["x"], desk],
    ["account.tier", 1, desk],
    ["account.segment", "smb", desk],
    ["account.domain", "acme.com", desk],
    ["account.owner", "rp_one", desk],
    ["account.customer", true, desk],
    ["account.customer", false, desk],
    ["account.competitor", true, desk],
    ["account.openOpportunities", 0, desk],
    ["lead.doNotContact", true, all],
    ["lead.doNotContact", false, desk],
    ["lead.emailKind", "business", []],
    ["score.fit", 100, []],
    ["score.intent", 100, []],
    ["band", "A", []],
    ["engagement.count", 9, []],
    ["engagement.topic", "sla", []],
  ])("%s as %j", (field, value, expected) => {
    expect(whoMaySet(field, value, agreement)).toEqual(expected);
  });

  test("sales sets facts of the person alone; whatever is built in beside is for others", () => {
    const own = Object.keys(builtInFields)
      .filter((field) => field.startsWith("lead.") && !derivedFields.includes(field))
      .toSorted();
    expect(settable("sales")).toEqual(own);
    expect(settable("office")).toEqual(
      Object.keys(builtInFields)
        .filter((field) => !derivedFields.includes(field))
        .toSorted(),
    );
    expect(settable("crm")).toEqual(settable("office"));
  });

  test(
    "of the built-in facts tracking sets those listed and a withdrawal, and none of those " +
      "decides about a lead or its company",
    () => {
      expect(settable("tracking")).toEqual([...trackedFields, "lead.doNotContact"].toSorted());
      for (const field of trackedFields)
        expect(["lead", "account"], field).toContain(factKindOf(field, "x", agreement));
    },
  );
});

describe("what the agreement's suppressions read", () => {
  const suppressing = exampleAgreement(
    [
      "  - { reason: competitor, when: { account.competitor: true } }",
      "  - { reason: outside, when: { any: [{ lead.country: KP }, banned] } }\n  - { reason: " +
        'own-people, when: { lead.email: { matches: "*@ours.com" } } }',
    ],
    [
      "icp:\n",
      "conditions:\n  banned: { any: [{ account.industry: Arms }, { lead.favouriteTool: axe }] " +
        "}\n\nicp:\n",
    ],
  );

  test("is for office and CRM, through names and groups too", () => {
    for (const field of ["lead.country", "account.industry", "lead.favouriteTool"]) {
      expect(whoMaySet(field, "x", suppressing), field).toEqual(["office", "crm"]);
      expect(whoMaySet(field, "x", agreement), field).toContain("tracking");
    }
  });

  test("leaves an address to whoever has the lead", () => {
    expect(whoMaySet("lead.email", "jo@acme.com", suppressing)).toEqual([
      "office",
      "crm",
      "sales",
      "tracking",
    ]);
  });

  test("adds to the built-in ones, which stay suppressions even when no rule reads them", () => {
    for (const field of suppressionFields)
      expect(factKindOf(field, false, suppressing), field).toBe("suppression");
  });
});

test("every role has a teller, and an answer names the roles behind tellers", () => {
  expect(Object.keys(tellerOfRole).toSorted()).toEqual([...roles].toSorted());
  expect(rolesOf(["office", "crm"])).toEqual(["operator", "revops", "marketing", "crm"]);
  expect(rolesOf(["sales"])).toEqual(["manager", "rep"]);
  // A leader tells nothing.
  expect(rolesOf([...tellers])).toEqual(roles.filter((role) => role !== "leader"));
  expect(rolesOf([])).toEqual([]);
});

import { expect, test } from "vitest";
import type { Agreement, Condition } from "../../../handoff/agreement.ts";
import { frozenFacts, meaningfulSignals } from "../../../handoff/process/frozen.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";

const wants = (tool: string): Condition => ({
  kind: "fact",
  field: "account.techStack",
  matchers: [{ op: "contains", value: tool }],
  at: "checklist",
});
const example = exampleAgreement();
const agreement: Agreement = {
  ...example,
  checklist: [{ name: "integrations", when: wants("crm-a") }],
};
const frozen = (facts: Record<string, string | string[]>, of = agreement) =>
  frozenFacts({ facts, engagements: [], now: Date.parse("2026-11-20T10:00:00Z"), agreement: of });

test("the tech stack matches, does not, or nobody can say", () => {
  expect(frozen({ "account.techStack": ["crm-a", "mail-b"] }).techMatch).toBe(true);
  expect(frozen({ "account.techStack": ["crm-c"] }).techMatch).toBe(false);
  expect(frozen({}).techMatch).toBeNull();
  expect(frozen({ "account.techStack": ["crm-a"] }, example).techMatch).toBeNull();
});

test("role and first touch are kept, the seniority that follows from a title too", () => {
  expect(
    frozen({
      "lead.role": "buyer",
      "lead.title": "VP Operations",
      "lead.firstTouchAt": "2026-11-01T10:00:00Z",
    }),
  ).toMatchObject({
    role: "buyer",
    seniority: "vp",
    techStack: null,
    firstTouchAt: Date.parse("2026-11-01T10:00:00Z"),
  });
  expect(frozen({ "lead.firstTouchAt": "spring" }).firstTouchAt).toBeNull();
});

test("signals of depth mid and high are meaningful", () => {
  const found = meaningfulSignals(example);
  expect([found.includes("webinar_attended"), found.includes("blog_view")]).toEqual([true, false]);
});

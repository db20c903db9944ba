import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseAgreement, printProblem } from "../../agreement/parse.ts";
import { normalizeFact } from "../../handoff/facts/lead.ts";
import { qualify } from "../../handoff/qualify/qualify.ts";

const text = readFileSync(new URL("./education.yaml", import.meta.url), "utf8");
const parsed = parseAgreement(text);
if (!parsed.ok) throw new Error(parsed.problems.map(printProblem).join("\n"));
const { agreement, warnings } = parsed;
const now = Date.UTC(2026, 10, 20, 6);
const judge = (facts: Record<string, string | number | boolean>, days?: number) =>
  qualify(agreement, {
    facts,
    engagements:
      days === undefined
        ? []
        : [{ id: "1", type: "form_submitted", occurredAt: now - days * 86_400_000 }],
    now,
  });

test("an agreement without companies and addresses can be written, without a warning", () =>
  expect(warnings).toEqual([]));

test("its own fields qualify, a person without an address is handed off", () => {
  expect(
    judge({ "lead.source": "Google", "lead.occupation": "working professional" }, 2),
  ).toMatchObject({ verdict: "hand-off", leadType: "form", band: "B" });
  expect(
    judge({
      "lead.source": "Google",
      "lead.minutesOnSite": 30,
      "lead.visits": 5,
      "lead.origin": "API",
    }),
  ).toMatchObject({ verdict: "hand-off", leadType: "promising", band: "A" });
});

test("a missing fact of an `any` leaves it open, so nobody qualifies on it", () => {
  expect(judge({ "lead.source": "Google", "lead.minutesOnSite": 3 }, 2)).toMatchObject({
    verdict: "nurture",
    because: "no lead type holds; left open by missing facts: form (lead.occupation)",
  });
});

test("its null word is a missing answer", () =>
  expect(normalizeFact("lead.occupation", "Select", agreement)).toEqual({ missing: true }));

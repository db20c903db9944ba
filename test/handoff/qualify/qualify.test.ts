import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Engagement, Facts } from "../../../handoff/facts/facts.ts";
import { judgeNow, leadTypeOf, qualify } from "../../../handoff/qualify/qualify.ts";
import { exampleAgreement } from "../../support/example-agreement.ts";
import { generatedLeads, type LeadKind } from "../../support/generated-leads.ts";

const agreement = exampleAgreement();
const now = Date.UTC(2026, 10, 20, 15);
const day = 86_400_000;
const did = (type: string, daysAgo: number): Engagement => ({
  id: `${type}-${daysAgo}`,
  type,
  occurredAt: now - daysAgo * day,
});
const good: Facts = {
  "lead.name": "Ada Lovelace",
  "lead.email": "ada@acme.com",
  "lead.role": "buyer",
  "lead.title": "VP Sales",
  "lead.source": "webinar",
  "lead.firstTouchAt": "2026-11-01",
  "account.name": "Acme",
  "account.domain": "acme.com",
  "account.employees": 200,
  "account.industry": "Software",
  "account.country": "US",
};
const judge = (facts: Facts, engagements: readonly Engagement[] = [], matches?: number) =>
  qualify(agreement, { facts, engagements, now, ...(matches === undefined ? {} : { matches }) });
const without = (...fields: string[]): Facts =>
  Object.fromEntries(Object.entries(good).filter(([field]) => !fields.includes(field)));

describe("lead types", () => {
  test("a demo request inside the profile is handed off on the fast path", () => {
    expect(judge(good, [did("demo_request", 1)])).toMatchObject({
      verdict: "hand-off",
      leadType: "demo-request",
      path: "fast",
      priority: 1,
      band: "A",
      fit: 40,
      intent: 40,
    });
  });

  test("the first lead type that holds wins", () => {
    expect(judge(good, [did("pricing_page", 1), did("demo_request", 1)]).leadType).toBe(
      "demo-request",
    );
    expect(judge(good, [did("pricing_page", 1), did("trial_active", 1)]).leadType).toBe(
      "active-trial",
    );
  });

  test("two meaningful behaviours in band B make a standard MQL", () => {
    expect(
      judge(good, [did("trial_started", 40), did("webinar_attended", 3), did("buyers_guide", 2)]),
    ).toMatchObject({ leadType: "standard-mql", path: "standard", band: "A" });
  });

  test("outside the profile even a demo request is nurture, and says so", () => {
    expect(judge({ ...good, "account.employees": 20 }, [did("demo_request", 1)])).toMatchObject({
      verdict: "nurture",
      because: "no lead type holds",
      missing: [],
    });
  });

  test("unknown does not qualify, and the reason names the missing fact", () => {
    const judged = judge(without("account.industry"), [did("demo_request", 1)]);
    expect(judged.verdict).toBe("nurture");
    expect(judged.because).toContain("demo-request (account.industry)");
    expect(judged.trace.find((line) => line.field === "account.industry")).toMatchObject({
      result: "unknown",
      missing: ["account.industry"],
    });
  });

  test("a lead type can be found by its name", () => {
    expect(leadTypeOf(agreement, "demo-request")?.priority).toBe(1);
    expect(leadTypeOf(agreement, "nope")).toBeUndefined();
  });
});

describe("suppression comes before everything", () => {
  test.each([
    [{ "lead.doNotContact": true }, "do-not-contact"],
    [{ "account.customer": true }, "existing-customer"],
    [{ "account.openOpportunities": 1 }, "active-pipeline"],
    [{ "account.competitor": true }, "competitor"],
  ])("%j disqualifies as %s, even a demo request without an address", (facts, reason) => {
    expect(judge({ ...without("lead.email"), ...facts }, [did("demo_request", 1)])).toMatchObject({
      verdict: "disqualify",
      suppression: reason,
      because: `suppressed: ${reason}`,
    });
  });

  test("the first match names the reason", () => {
    expect(
      judge({ ...good, "account.competitor": true, "lead.doNotContact": true }).suppression,
    ).toBe("do-not-contact");
  });

  test("what is not known does not suppress, and the gate says that it is not known", () => {
    const { verdict, gates } = judge(good, [did("demo_request", 1)]);
    expect(verdict).toBe("hand-off");
    expect(gates[0]).toEqual({
      name: "suppression",
      held: "unknown",
      why: "none holds; not known: do-not-contact, existing-customer, active-pipeline, competitor",
    });
    const known = {
      ...good,
      "lead.doNotContact": false,
      "account.customer": false,
      "account.openOpportunities": 0,
      "account.competitor": false,
    };
    expect(judge(known).gates[0]?.held).toBe(true);
  });
});

describe("gates on data", () => {
  test("each missing required field is named", () => {
    const judged = judge(without("lead.role", "lead.source"), [did("demo_request", 1)]);
    expect(judged).toMatchObject({
      verdict: "needs-data",
      missing: [{ field: "lead.role" }, { field: "lead.source" }],
    });
    expect(judged.gates.find((gate) => gate.name === "required-fields")).toMatchObject({
      held: false,
      why: "missing: lead.role, lead.source",
    });
  });

  test("who belongs to no company lacks its domain, and a free address costs points", () => {
    expect(judge(good).verdict).toBe("nurture");
    expect(judge(without("account.domain")).missing.map((one) => one.field)).toEqual([
      "account.domain",
    ]);
    expect(judge({ ...good, "lead.email": "ada@gmail.com" })).toMatchObject({
      verdict: "nurture",
      fit: 20,
    });
  });

  test.each([
    ["no-at-sign", "email-format"],
    ["ada@mailinator.com", "email-kind"],
  ])("the address %s fails the gate %s", (email, name) => {
    const judged = judge({ ...good, "account.domain": "acme.com", "lead.email": email }, [
      did("demo_request", 1),
    ]);
    expect(judged.verdict).toBe("needs-data");
    expect(judged.missing.map((one) => one.field)).toEqual(["lead.email"]);
    expect(judged.gates.find((gate) => gate.name === name)?.held).toBe(false);
    expect(JSON.stringify([judged.because, judged.missing, judged.gates])).not.toContain(email);
  });

  test("an address somebody marked invalid fails too", () => {
    expect(
      judge({ ...good, "account.domain": "acme.com", "lead.emailKind": "invalid" }).verdict,
    ).toBe("needs-data");
  });

  test("one match or none is unique, two are not", () => {
    expect(
      [0, 1, 2].map((matches) => judge(good, [did("demo_request", 1)], matches).verdict),
    ).toEqual(["hand-off", "hand-off", "needs-data"]);
    expect(judge(good, [], 2).gates.find((gate) => gate.name === "unique-match")).toMatchObject({
      held: false,
      why: "2 contacts match",
    });
  });

  test("without a required address a lead needs none", () => {
    const lenient = exampleAgreement([
      "requiredFields: [account.name, account.domain, lead.name, lead.email, lead.role, " +
        "lead.source, lead.firstTouchAt]",
      "requiredFields: [lead.source]",
    ]);
    const judged = qualify(lenient, {
      facts: without("lead.email"),
      engagements: [did("demo_request", 1)],
      now,
    });
    expect(judged.verdict).toBe("hand-off");
    expect(judged.gates.find((gate) => gate.name === "email-format")?.held).toBe("unknown");
  });
});

test("the checklist shows met, not met and unknown, and gates nothing", () => {
  const judged = judge({ ...good, "lead.timeline": "later" }, [did("demo_request", 1)]);
  expect(judged.verdict).toBe("hand-off");
  expect(judged.checklist).toEqual([
    { name: "role fit", result: "met" },
    { name: "account fit", result: "met" },
    { name: "use case fit", result: "unknown" },
    { name: "timeframe", result: "not met" },
  ]);
});

describe("when time alone changes the verdict", () => {
  test("a pricing page view ages out 14 days later, to the millisecond", () => {
    const judged = judge(good, [did("pricing_page", 1)]);
    expect(judged).toMatchObject({ leadType: "high-intent-mql", nextChangeAt: now + 13 * day + 1 });
  });

  test("moments that change nothing are passed over", () => {
    // The pricing page leaves its window after 12 days, but the demo request still decides until it
    // leaves its own.
    const judged = judge(good, [did("demo_request", 1), did("pricing_page", 2)]);
    expect(judged.nextChangeAt).toBe(now + 29 * day + 1);
  });

  test("nothing to age, nothing to wait for", () => {
    expect(judge(good).nextChangeAt).toBeNull();
    expect(
      judge({ ...good, "account.customer": true }, [did("demo_request", 1)]).nextChangeAt,
    ).toBeNull();
    expect(
      judge({ ...good, "account.employees": 3 }, [did("demo_request", 1)]).nextChangeAt,
    ).toBeNull();
  });

  test("the verdict is the same until then and another at that moment", () => {
    for (const lead of generatedLeads(7, 160, now)) {
      const told = (at: number) => {
        const { verdict, leadType } = qualify(agreement, { ...lead, now: at });
        return `${verdict} ${leadType ?? ""}`;
      };
      const { nextChangeAt } = qualify(agreement, { ...lead, now });
      for (let at = now; at < Math.min(nextChangeAt ?? Infinity, now + 90 * day); at += 4.3 * day)
        expect(told(at)).toBe(told(now));
      if (nextChangeAt !== null) expect(told(nextChangeAt)).not.toBe(told(now));
    }
  });
});

describe("generated leads", () => {
  test("the same seed gives the same leads", () => {
    expect(generatedLeads(3, 40, now)).toEqual(generatedLeads(3, 40, now));
    expect(generatedLeads(3, 40, now)).not.toEqual(generatedLeads(4, 40, now));
  });

  test("each kind gets the verdict it was made for", () => {
    const expected: Record<LeadKind, string[]> = {
      "demo request": ["hand-off"],
      "active trial": ["hand-off"],
      "high intent": ["hand-off"],
      standard: ["hand-off"],
      quiet: ["nurture"],
      "outside the profile": ["nurture"],
      "free mail": ["hand-off"],
      "disposable mail": ["needs-data"],
      "broken mail": ["needs-data"],
      "missing facts": ["needs-data", "nurture"],
      "existing customer": ["disqualify"],
      "do not contact": ["disqualify"],
      competitor: ["disqualify"],
      "active pipeline": ["disqualify"],
      ambiguous: ["needs-data"],
      empty: ["needs-data"],
    };
    for (const lead of generatedLeads(11, 320, now))
      expect(expected[lead.kind], lead.kind).toContain(
        qualify(agreement, { ...lead, now }).verdict,
      );
  });

  test("judging stored inputs again gives the stored result", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        for (const lead of generatedLeads(seed, 16, now)) {
          const stored = JSON.parse(JSON.stringify(lead)) as typeof lead;
          expect(
            JSON.parse(
              JSON.stringify(
                qualify(agreement, {
                  ...stored,
                  engagements: stored.engagements.toReversed(),
                  now,
                }),
              ),
            ),
          ).toEqual(JSON.parse(JSON.stringify(qualify(agreement, { ...lead, now }))));
        }
      }),
      { numRuns: 20 },
    );
  });

  test("the judgement is what the qualification comes down to, at that moment", () => {
    for (const lead of generatedLeads(7, 160, now)) {
      const { verdict, leadType, priority, band, fit, intent } = qualify(agreement, {
        ...lead,
        now,
      });
      expect(judgeNow(agreement, { ...lead, now })).toEqual({
        verdict,
        band,
        fit,
        intent,
        ...(leadType === undefined ? {} : { leadType, priority }),
      });
    }
  });

  test("no decision speaks of a person outside its trace", () => {
    for (const lead of generatedLeads(5, 160, now)) {
      const { because, gates, missing, checklist } = qualify(agreement, { ...lead, now });
      const spoken = JSON.stringify([because, gates, missing, checklist]);
      for (const field of ["lead.email", "lead.lastName"])
        if (field in lead.facts) expect(spoken).not.toContain(String(lead.facts[field]));
    }
  });
});

import { describe, expect, test } from "vitest";
import { compose } from "../../mail/compose.ts";
import { mailKinds, type MailFacts } from "../../mail/message.ts";
import { when } from "../../mail/when.ts";

const facts: MailFacts = {
  reader: { name: "Ann", zone: "America/New_York" },
  publicUrl: "http://baton.test",
  lead: {
    id: "ld_1",
    name: "Ada <b>Lovelace</b>",
    title: "Countess",
    company: "Engines & Co",
    email: "ada@engines.test",
    phone: "+44 1",
    source: "website",
  },
  leadType: "demo-request",
  band: "A",
  owner: "Bob",
  reason: "below-company-size",
  dueAt: Date.parse("2026-11-23T15:00:00Z"),
  said: {
    clock: "outreach",
    because: "handed back",
    decision: "overturned",
    connection: "crm:house",
    since: 0,
    queue: "sales-ops",
    reviewId: "rv_1",
  },
  pool: [
    { id: "ld_2", name: "Bea", company: "Looms", reason: "dated-timing", engagementsSince: 2 },
  ],
};

describe.each(mailKinds)("the message %s", (kind) => {
  const message = compose(kind, facts);

  test("says in a subject line what it is, and in text and HTML the same", () => {
    expect(message.subject).toMatch(/^\S.{5,199}$/);
    expect(message.subject).not.toMatch(/[\r\n]/);
    expect(message.text).toContain("What to do now:");
    expect(message.html).toContain("What to do now:");
  });

  test("lets no markup through that a stranger put into a name", () => {
    expect(message.html).not.toContain("<b>Lovelace");
    if (message.text.includes("Ada"))
      expect(message.html).toContain("Ada &lt;b&gt;Lovelace&lt;/b&gt;");
  });

  test("links to what it is about", () => {
    if (kind === "crm-paused") return;
    const link =
      kind === "renurture-review"
        ? "http://baton.test/reviews/rv_1"
        : "http://baton.test/leads/ld_1";
    expect(message.text).toContain(link);
    expect(message.html).toContain(`href="${link}"`);
  });

  test("names nobody when the person was erased, and has no empty words", () => {
    const { text, html, subject } = compose(kind, { ...facts, lead: null, pool: [] });
    expect(`${subject}${text}${html}`).not.toMatch(/Ada|Lovelace|ada@|undefined|null|NaN/);
  });

  test("reads well when next to nothing is known", () => {
    const bare: MailFacts = {
      ...facts,
      lead: {
        id: "ld_1",
        name: null,
        title: null,
        company: null,
        email: null,
        phone: null,
        source: null,
      },
      leadType: null,
      band: null,
      owner: null,
      reason: null,
      dueAt: null,
      said: {},
      pool: [],
    };
    const { text, html } = compose(kind, bare);
    expect(`${text}${html}`).not.toMatch(/undefined|null|NaN/);
  });
});

test("an offer says whose it is, what is due when in the reader's zone, and how to call", () => {
  const { subject, text } = compose("offer", facts);
  expect(subject).toContain("outreach due Monday 23 November 2026, 10:00 (America/New_York)");
  expect(text).toContain("Telephone:");
  expect(text).toContain("+44 1");
});

test("a name with line breaks in it starts no line of its own", () => {
  const lead = {
    ...facts.lead!,
    name: "Ada\r\nBcc: eve@evil.test\r\n\r\nWhat to do now:\r\n- pay",
  };
  const { subject, text } = compose("offer", { ...facts, lead });
  expect(subject).not.toMatch(/[\r\n]/);
  expect(text).not.toMatch(/^(Bcc:|- pay)/m);
});

test("the review packet lists the pool with what each lead did since", () => {
  expect(compose("renurture-review", facts).text).toContain(
    "dated timing; 2 engagements since; http://baton.test/leads/ld_2",
  );
});

test.each([
  ["opened", "Re-nurture review 2026-Q4: 3 leads"],
  ["reminder", "Reminder: re-nurture review 2026-Q4: 3 leads"],
  ["overdue", "Overdue: re-nurture review 2026-Q4: 3 leads"],
])("the review's %s mail is recognised by its subject", (step, subject) => {
  expect(
    compose("renurture-review", { ...facts, said: { step, period: "2026-Q4", count: 3 } }).subject,
  ).toBe(subject);
});

test.each([
  ["2026-11-23T15:00:00Z", "Europe/Berlin", "Monday 23 November 2026, 16:00 (Europe/Berlin)"],
  ["2026-11-23T23:30:00Z", "Pacific/Apia", "Tuesday 24 November 2026, 12:30 (Pacific/Apia)"],
  ["2026-11-23T00:05:00Z", "UTC", "Monday 23 November 2026, 00:05 (UTC)"],
  ["2026-11-23T00:05:00Z", "Nowhere/Land", "Monday 23 November 2026, 00:05 (UTC)"],
])("%s is told in %s", (at, zone, words) => {
  expect(when(Date.parse(at), zone)).toBe(words);
});

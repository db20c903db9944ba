import { describe, expect, test } from "vitest";
import { paths, withQuery } from "../../api/console/paths.ts";
import { compose } from "../../messages/compose.ts";
import { consoleAddress, consolePages } from "../../messages/console-link.ts";
import { publicAddress } from "../../messages/link.ts";
import type { LeadForMail, MailKind, MailNames, Of } from "../../messages/message.ts";
import { when } from "../../messages/when.ts";
import { mailEffect, mailKinds, messageOf } from "../../store/effects/mail-message.ts";
import { names as plain } from "../support/mail-names.ts";

const dueAt = Date.parse("2026-11-23T15:00:00Z");
const lead: LeadForMail = { ...plain.lead!, name: "Ada <b>Lovelace</b>", company: "Engines & Co" };
const names: MailNames = {
  ...plain,
  lead,
  resolutions: { rs_1: { text: "Raise the size floor", reviewId: "rv_1" } },
  people: { rp_ann: "Ann", rp_bob: "Bob" },
  pool: [
    {
      id: "ld_2",
      name: null,
      email: "bea@looms.example",
      company: "Looms",
      reason: "dated-timing",
      engagementsSince: 2,
    },
  ],
};
/** Where messages lead that are about no single lead, or about a task. */
const pageOf: Readonly<Partial<Record<MailKind, string>>> = {
  "renurture-review": "http://baton.test/console/reviews/rv_1",
  "review-opened": "http://baton.test/console/reviews/rv_1",
  "review-waits": "http://baton.test/console/reviews/rv_1",
  "resolution-waits": "http://baton.test/console/reviews/rv_1#rs_1",
  "signature-asked": "http://baton.test/console/agreement/versions/ag_1",
  "crm-paused": "http://baton.test/console/system",
  "task-waits": "http://baton.test/console/tasks?lead=ld_ada",
};
const isAboutLead = (kind: MailKind) => kind === "task-waits" || pageOf[kind] === undefined;
const messages: { readonly [Kind in Exclude<MailKind, "reminders">]: Of<Kind> } = {
  offer: { what: "offer", repId: "rp_ann", stage: "mql", clock: "outreach", dueAt, again: false },
  warning: { what: "warning", repId: "rp_ann", clock: "status", fraction: 0.5, dueAt },
  breach: {
    what: "breach",
    repId: "rp_ann",
    clock: "outreach",
    dueAt,
    next: { do: "reassign", at: dueAt },
  },
  escalation: {
    what: "escalation",
    repId: "rp_ann",
    clock: "outreach",
    rung: 1,
    because: "the outreach deadline was missed",
    waits: false,
    dueAt,
    next: null,
  },
  "reassigned-away": { what: "reassigned-away", repId: "rp_ann", because: "outreach SLA missed" },
  withdrawn: { what: "withdrawn", repId: "rp_ann", because: "erased", mergedInto: null },
  merged: { what: "merged", repId: "rp_ann", from: "ld_2", withRep: "rp_bob" },
  contested: {
    what: "contested",
    repId: "rp_ann",
    managerId: "rp_mia",
    reason: "wrong-role",
    dueAt,
  },
  "contest-decided": {
    what: "contest-decided",
    repId: "rp_ann",
    decision: "upheld",
    reason: "wrong-role",
  },
  "fallback-queue": { what: "fallback-queue", queue: "sales-ops", dueAt },
  "review-opened": {
    what: "review-opened",
    reviewId: "rv_1",
    kind: "weekly",
    period: "2026-W48",
  },
  "review-waits": {
    what: "review-waits",
    reviewId: "rv_1",
    kind: "weekly",
    period: "2026-W48",
    parties: ["sales"],
    undecided: 0,
    dueAt,
    tell: "party",
  },
  "signature-asked": {
    what: "signature-asked",
    versionId: "ag_1",
    number: 7,
    needed: 2,
    changes: [{ about: "status of demo-request", change: "same day -> 1 business day" }],
    more: 0,
  },
  "resolution-waits": {
    what: "resolution-waits",
    resolutionId: "rs_1",
    kind: "weekly",
    period: "2026-W48",
    owner: "rp_ann",
    dueOn: "2026-11-23",
    tell: "holder",
  },
  "nurture-review": { what: "nurture-review", role: "marketing-ops", since: dueAt },
  "task-waits": {
    what: "task-waits",
    task: "contested",
    role: "manager",
    assigneeId: "rp_ann",
    tell: "above",
    since: dueAt,
    dueAt,
  },
  stalled: { what: "stalled", repId: "rp_ann", because: "nothing logged for 14 days" },
  "action-refused": {
    what: "action-refused",
    repId: "rp_bob",
    action: "logOutreach",
    because: "the lead is with somebody else",
    stage: "sal",
    owner: "rp_ann",
  },
  "renurture-review": {
    what: "renurture-review",
    reviewId: "rv_1",
    step: "opened",
    role: "marketing-ops",
    period: "2026-Q4",
    count: 3,
    dueAt,
  },
  "crm-paused": { what: "crm-paused", connection: "crm:house", since: dueAt },
};
/** As little as a message of the kind can say. */
const bare: typeof messages = {
  ...messages,
  offer: { ...messages.offer, clock: null, dueAt: null },
  warning: { ...messages.warning, dueAt: null },
  breach: { ...messages.breach, repId: null, next: null },
  escalation: { ...messages.escalation, repId: null, clock: null, dueAt: null },
  contested: { ...messages.contested, repId: null, managerId: null },
  "contest-decided": { ...messages["contest-decided"], reason: null },
  "fallback-queue": { ...messages["fallback-queue"], dueAt: null },
  stalled: { ...messages.stalled, repId: null },
  "task-waits": { ...messages["task-waits"], assigneeId: null, tell: "holder" },
  "action-refused": { ...messages["action-refused"], owner: null },
};
const all = (mail: { subject: string; text: string; html: string }) =>
  `${mail.subject}${mail.text}${mail.html}`;

describe.each(mailKinds)("the message %s", (kind) => {
  const message = compose(messages[kind], names);

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

  test("links to what it is about, where its reader may open it", () => {
    const page = pageOf[kind] ?? "http://baton.test/console/offer/signed";
    expect(message.text).toContain(`: ${page}\n`);
    expect(message.html).toContain(`href="${page}"`);
    if (kind === "signature-asked")
      expect(message.text).toContain("Status of demo-request: same day -> 1 business day");
    if (isAboutLead(kind))
      expect(all(compose(messages[kind], { ...names, page: null }))).not.toContain("http");
  });

  test("leads into the console whoever has no link of an offer", () => {
    const of = { kind: "lead", id: "ld_ada" } as const;
    const shown = compose(messages[kind], { ...names, page: { of } });
    const page = pageOf[kind] ?? "http://baton.test/console/leads/ld_ada";
    expect(shown.text).toContain(`: ${page}\n`);
    expect(shown.html).toContain(`href="${page}"`);
    expect(all(shown)).not.toMatch(/GET \/|token/);
  });

  test("says how to get there where nobody has said at which address the console is", () => {
    const of = { kind: "lead", id: "ld_ada" } as const;
    const mail = compose(messages[kind], { ...names, page: { of }, console: null });
    expect(all(mail)).not.toMatch(/https?:|href=|GET \/|token|null/);
    for (const said of [mail.text, mail.html])
      expect(said).toMatch(/sign in to Baton('|&#39;)s console and open [\s\S]*npx baton /);
  });

  test("names nobody when the person was erased, and has no empty words", () => {
    const erased = compose(messages[kind], { ...names, lead: null, page: null, pool: [] });
    expect(all(erased)).not.toMatch(/Ada|Lovelace|ada@|undefined|null|NaN/);
  });

  test("reads well when next to nothing is known", () => {
    const nothing = {
      id: "ld_ada",
      name: null,
      title: null,
      company: null,
      email: null,
      phone: null,
      source: null,
    };
    const mail = compose(bare[kind], {
      ...names,
      lead: nothing,
      terms: null,
      people: {},
      pool: [],
    });
    expect(all(mail)).not.toMatch(/undefined|null|NaN| {2,}due| ,/);
  });

  test("speaks to no role by name, and says whom it was meant for when that person is not there", () => {
    const kept = compose(messages[kind], {
      ...names,
      reader: { name: null, meantFor: "rp_ann", isRep: false, zone: "UTC" },
    });
    expect(kept.text).toMatch(/^[A-Z0-9]/);
    expect(kept.text).not.toContain("Rita");
    expect(kept.text).toMatch(/Meant for:\s+Ann/);
  });

  test("is kept in the ledger whole, and read back as it was", () => {
    const kept = mailEffect(messages[kind]);
    expect(messageOf(JSON.parse(JSON.stringify(kept)))).toEqual(messages[kind]);
    expect(kept).toMatchObject({ kind: "mail", what: kind });
  });

  test("is refused, naming each field, when the ledger holds something else", () => {
    expect(
      messageOf({ what: kind, payload: { repId: 7, role: 7, queue: 7, connection: 7 } }),
    ).toEqual({
      problem: expect.stringMatching(new RegExp(`^the message "${kind}" cannot be read: .*\\w+: `)),
    });
  });
});

test("reminders of one reader are one mail: each with whom, what, and its time in the reader's zone", () => {
  const item = {
    what: "task-waits",
    task: "fallback",
    role: "sales-ops",
    assigneeId: null,
    tell: "holder",
  } as const;
  const items = [
    { ...item, leadId: "ld_1", since: dueAt, dueAt },
    { ...item, leadId: "ld_2", since: dueAt, dueAt: dueAt + 3_600_000, tell: "above" as const },
  ];
  const leads = { ld_1: { name: "Ada <b>Lovelace</b>", email: null, company: "Engines & Co" } };
  const nobody = { lead: null, page: null };
  const mail = compose({ what: "reminders", items, more: 3 }, { ...names, ...nobody, leads });
  expect(mail.subject).toBe("5 tasks wait for you");
  expect(mail.text).toMatch(
    /Ada <b>Lovelace<\/b>, Engines & Co:\s+nobody to take it; answer by Monday 23 November 2026, 10:00 \(America\/New_York\)\. Assign it to a rep\. \(ld_1\)/,
  );
  expect(mail.text).toMatch(
    /ld_2:\s+nobody to take it, with the queue sales-ops; answer by Monday 23 November 2026, 11:00/,
  );
  expect(mail.text).toMatch(/And:\s+3 more/);
  expect(mail.text).toContain("All tasks that wait for you: http://baton.test/console/tasks\n");
  expect(mail.html).toContain('<a href="http://baton.test/console/tasks?lead=ld_2">ld_2</a>');
  expect(mail.text).toMatch(/\n +http:\/\/baton\.test\/console\/tasks\?lead=ld_1\n/);
  expect(mail.html).toContain("Ada &lt;b&gt;Lovelace&lt;/b&gt;");
  expect(all(mail)).not.toMatch(/undefined|null/);
});

test("a rep who owns a resolution is led to no review, which reps may not read", () => {
  const reader = { ...names.reader, isRep: true };
  const nobody = { lead: null, page: null, reader };
  const { "resolution-waits": waits, "task-waits": task } = messages;
  const alone = compose(waits, { ...names, ...nobody });
  expect(all(alone)).not.toMatch(/console|npx/);
  expect(alone.text).toContain("Do it, and tell your manager, who ends it in the review.");
  const items = [waits, { ...task, leadId: "ld_1" }];
  const several = compose({ what: "reminders", items, more: 0 }, { ...names, ...nobody });
  expect(all(several)).not.toContain("/console/reviews");
  expect(several.text).toContain("http://baton.test/console/tasks?lead=ld_1");
});

test("pages that mails lead to are addresses of the console", () => {
  const { tasksOf, ...pages } = consolePages;
  for (const [name, page] of Object.entries(pages)) {
    const known: unknown = paths[name as keyof typeof pages];
    const at = (of: unknown): unknown =>
      typeof of === "function" ? (of as (id: string) => string)("ld_a/b") : of;
    expect(at(page), name).toBe(at(known));
  }
  expect(tasksOf("ac_1")).toBe(paths.tasks);
  expect(tasksOf("ld_1")).toBe(withQuery(paths.tasks, { lead: "ld_1" }));
});

test("the address of one's own machine is none for who reads mail elsewhere", () => {
  for (const own of ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"]) {
    expect(consoleAddress(own, false)).toBeNull();
    expect(consoleAddress(own, true)).toBe(own);
  }
  for (const one of ["https://baton.example", "http://10.0.0.7:3000", "https://localhost.example"])
    expect(consoleAddress(one, false)).toBe(one);
});

test("a message of no kind that there is is refused by its name", () => {
  expect(messageOf({ what: "greeting", payload: {} })).toEqual({
    problem: 'there is no message "greeting"',
  });
});

test(
  "an offer says why this lead, what is asked, what is due when in the reader's zone, and how " +
    "to call",
  () => {
    const { subject, text } = compose(messages.offer, names);
    expect(subject).toContain("outreach due Monday 23 November 2026, 10:00 (America/New_York)");
    expect(text).toMatch(/Lead: +Ada <b>Lovelace<\/b> \(Engines & Co\)/);
    expect(text).toMatch(/Telephone: +\+44 1/);
    expect(text).toMatch(/Why this lead: +demo-request holds; band A/);
  },
);

test("a name with line breaks in it starts no line of its own", () => {
  const evil = { ...lead, name: "Ada\r\nBcc: eve@evil.test\r\n\r\nWhat to do now:\r\n- pay" };
  const { subject, text } = compose(messages.offer, { ...names, lead: evil });
  expect(subject).not.toMatch(/[\r\n]/);
  expect(text).not.toMatch(/^(Bcc:|- pay)/m);
});

test("whoever is told that a lead is theirs no more is not given its telephone number", () => {
  for (const kind of [
    "reassigned-away",
    "withdrawn",
    "contest-decided",
    "action-refused",
  ] as const) {
    expect(all(compose(messages[kind], names))).not.toMatch(/\+44 1|ada@/);
  }
});

test("the review packet lists the pool with what each lead did since", () => {
  expect(compose(messages["renurture-review"], names).text).toContain(
    "dated timing; 2 engagements since; ld_2",
  );
});

test.each([
  ["opened", "Re-nurture review 2026-Q4: 3 leads"],
  ["reminder", "Reminder: re-nurture review 2026-Q4: 3 leads"],
  ["overdue", "Overdue: re-nurture review 2026-Q4: 3 leads"],
] as const)("the review's %s mail is recognised by its subject", (step, subject) => {
  expect(compose({ ...messages["renurture-review"], step }, names).subject).toBe(subject);
});

test.each([
  ["2026-11-23T15:00:00Z", "Europe/Berlin", "Monday 23 November 2026, 16:00 (Europe/Berlin)"],
  ["2026-11-23T23:30:00Z", "Pacific/Apia", "Tuesday 24 November 2026, 12:30 (Pacific/Apia)"],
  ["2026-11-23T00:05:00Z", "UTC", "Monday 23 November 2026, 00:05 (UTC)"],
  ["2026-11-23T00:05:00Z", "Nowhere/Land", "Monday 23 November 2026, 00:05 (UTC)"],
])("%s is told in %s", (instant, zone, words) => {
  expect(when(Date.parse(instant), zone)).toBe(words);
});

test.each([
  ["https://baton.example", "https://baton.example"],
  ["https://baton.example/", "https://baton.example"],
  ["http://127.0.0.1:3000//", "http://127.0.0.1:3000"],
  ["https://x.example/baton/", "https://x.example/baton"],
  ["baton.example", null],
  ["ftp://baton.example", null],
  ["https://", null],
  ["https://x.example/?a=1", null],
  ["https://x.example/#top", null],
  ["", null],
])("links begin with the address %j as %j", (given, address) => {
  expect(publicAddress(given)).toBe(address);
});

test("a mail about one lead or account says at its foot by which version it was decided", () => {
  const said = compose(messages.offer, { ...names, version: "ag_7" });
  for (const form of [said.text, said.html])
    expect(form).toContain("version ag_7 of the agreement");
  const without = compose(messages.offer, names);
  expect(without.text).not.toContain("of the agreement");
});

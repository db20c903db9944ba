import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exampleLead } from "../../../cli/commands/lead.ts";
import { compose } from "../../../messages/compose.ts";
import { createSmtpMail } from "../../../messages/mail/smtp.ts";
import { csvRecord } from "../../../store/intake/imports.ts";
import { firstRow, sql } from "../../../store/postgres/db.ts";
import { names } from "../../support/mail-names.ts";
import { smtpSink } from "../../support/smtp-sink.ts";
import { bodyRoutes } from "./bodies.ts";
import { queryRoutes } from "./queries.ts";
import { hostileWorld, type HostileWorld } from "./world.ts";

/** The valid beside the invalid: what looks dangerous and is only unusual. */
let world: HostileWorld;
beforeAll(async () => {
  world = await hostileWorld();
});
afterAll(() => world.close());

describe("the good body that every invalid one was made from", () => {
  // Without a process behind them actions go as far as asking for it; the table of stages refuses
  // what the lead is not at.
  const actions = /^POST \/leads\/\{id\}\//;
  test.each(
    bodyRoutes.map((route) => ({ route: route.route, path: route.path, good: route.good })),
  )("$route", async ({ route, path, good }) => {
    const { status, text } = await world.send(route.split(" ")[0] ?? "", world.at(path), {
      body: JSON.stringify(good()),
    });
    // Each is possible at some stage; none needs Temporal.
    if (actions.test(route)) expect([200, 409], text).toContain(status);
    else expect(status, text).toBeLessThan(300);
  });

  test("the first lead of the README", async () => {
    const body = JSON.stringify(exampleLead(Date.now()));
    expect((await world.send("POST", "/leads", { body })).status).toBe(201);
  });
});

describe("unusual and accepted:", () => {
  const facts = { "lead.email": "jo@example-customer.com" };
  test.each([
    ["an emoji of several parts", { "lead.name": "👩‍👩‍👧‍👦 Family" }],
    ["right to left", { "lead.name": "محمد علي" }],
    ["combining marks", { "lead.name": "e\u0301\u0302" }],
    ["a script in a name", { "lead.name": "<script>alert(1)</script>" }],
    ["SQL in a name", { "lead.name": "Robert'); drop table lead;--" }],
    ["a path in a name", { "lead.name": "../../etc/passwd" }],
    ["a template in a name", { "lead.name": "${7*7}{{7*7}}" }],
    ["a line break in a name", { "lead.name": "Kim\r\nBcc: x@example.com" }],
    ["a formula in a name", { "lead.name": "=cmd|' /C calc'!A0" }],
    ["2^53-1", { "account.employees": 9_007_199_254_740_991 }],
    ["-0", { "account.employees": -0 }],
    ["29 February of a leap year", { "lead.firstTouchAt": "2024-02-29" }],
    ["the year 1", { "lead.firstTouchAt": "0001-01-01" }],
    ["a name of 10,000 characters", { "lead.name": "x".repeat(10_000) }],
    ["toString as a value", { "lead.name": "toString" }],
  ])("%s", async (_, more) => {
    const told = await world.send("POST", "/leads", {
      body: JSON.stringify({
        externalId: `n-${Math.random()}`,
        facts: { ...facts, "lead.email": `n${Math.random()}@example-customer.com`, ...more },
      }),
    });
    expect(told.status, told.text).toBe(201);
    const stored = await firstRow<{ facts: Record<string, { value: unknown }> }>(
      world.people.pool,
      sql`select facts from lead where id = ${told.body.id}`,
    );
    for (const [field, value] of Object.entries(more))
      if (field.startsWith("lead.")) expect(stored?.facts[field]?.value).toBe(value);
  });

  test.each(["' or '1'='1", "../../etc/passwd", "100%", "_", "\\", "😀", "a'b", "$1", "*", "NULL"])(
    "searching for %s finds nobody and breaks nothing",
    async (q) => {
      for (const path of ["/leads", "/house/leads"]) {
        const told = await world.send("GET", `${path}?q=${encodeURIComponent(q)}`);
        expect([told.status, told.body.items], told.text).toEqual([200, []]);
      }
    },
  );

  test.each(queryRoutes.filter(({ pages }) => pages))(
    "the first page of $path, one entry long, and the one behind it",
    async ({ path }) => {
      const first = await world.send("GET", world.at(`${path}?limit=1`));
      expect(first.status, first.text).toBe(200);
      const next = first.body.next ?? first.body.lines?.next;
      if (typeof next === "string")
        expect((await world.send("GET", world.at(`${path}?limit=100&cursor=${next}`))).status).toBe(
          200,
        );
    },
  );

  test.each([
    ["1920-01-01T00:00:00Z", 200],
    ["2179-12-31T23:59:59Z", 200],
    ["1919-12-31T23:59:59Z", 422],
    ["0001-01-01T00:00:00Z", 422],
    ["2180-01-01T00:00:00Z", 422],
    ["9999-12-31T23:59:59Z", 422],
  ])("a hypothetical lead of %s is %i: hours are worked out for 260 years", async (at, status) => {
    const told = await world.send("POST", "/simulate", {
      body: JSON.stringify({
        at,
        facts: {
          "lead.email": "jo@example-customer.com",
          "lead.name": "Jo",
          "lead.role": "buyer",
          "lead.title": "VP",
          "lead.source": "google",
          "lead.firstTouchAt": at,
          "account.name": "A",
          "account.domain": "example-customer.com",
          "account.employees": 200,
          "account.industry": "Software",
          "account.country": "US",
        },
        engagements: [{ type: "demo_request", occurredAt: at }],
      }),
    });
    expect([told.status, told.body.field], told.text).toEqual([
      status,
      status === 200 ? undefined : "at",
    ]);
  });

  test("white space around a rep's address is no part of it", async () => {
    const reps = [{ id: "rp_space", name: "Space", email: " space@example.com\n" }];
    expect(
      (await world.send("PUT", "/roster/reps", { body: JSON.stringify({ reps }) })).status,
    ).toBe(200);
    expect(
      await firstRow(world.people.pool, sql`select email from rep where id = 'rp_space'`),
    ).toEqual({ email: "space@example.com" });
  });
});

describe("what strangers write, when it goes out", () => {
  test.each([
    ["=1+1", "'=1+1"],
    ["+1", "'+1"],
    ["@x", "'@x"],
    ["-1+1", "'-1+1"],
    ["\t=1", "'\t=1"],
    ["\r=1", '"\'\r=1"'],
    ["\n=1", '"\'\n=1"'],
    [" =1", "' =1"],
    ["＝1", "'＝1"],
    ['="a",b', '"\'=""a"",b"'],
  ])("the cell %j is no formula in CSV", (cell, written) => {
    expect(csvRecord([cell])).toBe(`${written}\n`);
  });

  test.each([
    [-5, "-5"],
    ["-5", "-5"],
    ["-1,250.5", '"-1,250.5"'],
    [0, "0"],
    [null, ""],
    ["a=b", "a=b"],
    ["-1e-7", "-1e-7"],
    [-1e-7, "-1e-7"],
    [-1e21, "-1e+21"],
  ])("the cell %j stays what it is", (cell, written) => {
    expect(csvRecord([cell])).toBe(`${written}\n`);
  });

  test("a name with line breaks is no header of a mail", async () => {
    const sink = await smtpSink();
    try {
      const evil = "Kim\r\nBcc: victim@example.com\r\n\r\nbody\u2028X: y";
      const mail = compose(
        {
          what: "action-refused",
          repId: "rp_1",
          action: evil,
          because: evil,
          stage: "mql",
          owner: "rp_1",
        },
        {
          ...names,
          reader: { name: evil, zone: "UTC", meantFor: null, isRep: true },
          lead: {
            id: "ld_1",
            name: evil,
            title: evil,
            company: evil,
            email: evil,
            phone: evil,
            source: evil,
          },
          people: { rp_1: evil },
          terms: { leadType: evil, band: "A", because: evil },
        },
      );
      await createSmtpMail({ url: sink.url, from: "baton@example.com" }).send({
        ...mail,
        subject: `${mail.subject}\r\nBcc: victim@example.com`,
        to: "rep@example.com",
        messageId: "<1@baton>",
        headers: { "X-Baton-Lead": "ld_1" },
        about: { leadId: "ld_1", repId: null },
      });
      const [message] = sink.received;
      expect(message?.to).toEqual(["rep@example.com"]);
      expect(message?.data.split(/\r?\n\r?\n/)[0]).not.toMatch(/^(bcc|x):/im);
    } finally {
      await sink.close();
    }
  });
});

import { expect, test } from "vitest";
import { changePayload, ChangeError, parseCrmChange } from "../../../store/inbox/crm-change.ts";
import { inTransaction } from "../../../store/postgres/db.ts";
import {
  endInboxRow,
  nextInboxRow,
  postponeInboxRow,
  receive,
  wakeInboxRows,
} from "../../../store/inbox/inbox.ts";
import { withDatabase } from "../../support/database.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
const db = withDatabase({ empties: ["inbox"] });

const event = (eventId: string, source = "crm:house") =>
  receive(db.pool, { source, eventId, payload: { crmId: "HL-1" } }, now);
const next = (at = now) => inTransaction(db.pool, (tx) => nextInboxRow(tx, at));

test("the same event of the same source is stored once, however many deliver it at once", async () => {
  expect(
    (await Promise.all(Array.from({ length: 10 }, () => event("e1")))).filter(Boolean),
  ).toHaveLength(1);
  expect(await event("e1", "crm:other")).toBe(true);
});

test("two readers never hold the same event", async () => {
  await event("e1");
  await event("e2");
  await inTransaction(db.pool, async (one) => {
    expect((await nextInboxRow(one, now))?.eventId).toBe("e1");
    expect((await next())?.eventId).toBe("e2");
  });
});

test(
  "a postponed event comes back when its time comes, or when its predecessor was taken; an " +
    "ended one never",
  async () => {
    await event("e1");
    const row = (await next())!;
    await inTransaction(db.pool, (tx) => postponeInboxRow(tx, row.id, now + 500, null));
    expect(await next()).toBeUndefined();
    expect((await next(now + 500))?.attempts).toBe(0);
    await inTransaction(db.pool, (tx) => wakeInboxRows(tx, "crm:house", "HL-1", now));
    expect((await next())?.eventId).toBe("e1");
    await inTransaction(db.pool, (tx) => postponeInboxRow(tx, row.id, now, "it broke: Error"));
    expect((await next())?.attempts).toBe(1);
    await inTransaction(db.pool, (tx) => endInboxRow(tx, row.id, null, now));
    expect(await next(now + 9_000)).toBeUndefined();
  },
);

const whole = {
  id: "e1",
  crmId: "HL-1",
  leadId: "ld_1",
  sequence: 1,
  at: "2026-11-20T12:00:00.000Z",
  by: "rp_ann",
  what: {
    kind: "status",
    status: "rejected",
    reason: "dated-timing",
    revisitOn: "2027-01-31",
    buyingSignals: ["budget-named"],
  },
};

test.each([
  whole,
  {
    ...whole,
    leadId: null,
    sequence: null,
    by: null,
    what: {
      kind: "facts",
      facts: { "lead.phone": "1", "account.employees": 5, "account.techStack": ["a"] },
    },
  },
  {
    ...whole,
    what: {
      kind: "outreach",
      channel: "call",
      outcome: "connected",
      occurredAt: "2026-11-20T11:00:00.000Z",
    },
  },
  {
    ...whole,
    what: {
      kind: "opportunity",
      opportunity: {
        crmId: "HO-1",
        stage: "won",
        amountMinor: 1,
        currency: "EUR",
        createdAt: "2026-11-20T11:00:00.000Z",
      },
    },
  },
  {
    ...whole,
    what: {
      kind: "opportunity",
      opportunity: {
        crmId: "HO-1",
        stage: "open",
        dealStage: "Proposal",
        amountMinor: 1,
        currency: "EUR",
        createdAt: "2026-11-20T11:00:00.000Z",
      },
    },
  },
  { ...whole, what: { kind: "merged", into: "HL-2" } },
  { ...whole, what: { kind: "deleted" } },
])("a change ($what.kind) reads as it was written", (payload) => {
  expect(changePayload(parseCrmChange(payload))).toEqual(payload);
});

test.each([
  ["sequence", { ...whole, sequence: 0 }],
  ["at", { ...whole, at: "yesterday ada@engines.test" }],
  // Where a system knows no time it says one of these.
  ...["0001-01-01T00:00:00Z", "1900-01-01T00:00:00Z", "1970-01-01T00:00:00Z"].map(
    (at): [string, object] => ["at", { ...whole, at }],
  ),
  ["at", { ...whole, at: "0000-06-01T00:00:00Z" }],
  [
    "what.occurredAt",
    {
      ...whole,
      what: {
        kind: "outreach",
        channel: "call",
        outcome: "connected",
        occurredAt: "1900-01-01T00:00:00Z",
      },
    },
  ],
  [
    "what.opportunity.createdAt",
    {
      ...whole,
      what: {
        kind: "opportunity",
        opportunity: {
          crmId: "HO-1",
          stage: "won",
          amountMinor: null,
          currency: null,
          createdAt: "1970-01-01T00:00:00Z",
        },
      },
    },
  ],
  ["what.kind", { ...whole, what: { kind: "ada@engines.test" } }],
  ["what.revisitOn", { ...whole, what: { ...whole.what, revisitOn: "2027-02-31" } }],
  ["crmId", { ...whole, crmId: 5 }],
  [
    "what.opportunity.dealStage",
    {
      ...whole,
      what: {
        kind: "opportunity",
        opportunity: {
          crmId: "HO-1",
          stage: "open",
          dealStage: " ",
          amountMinor: null,
          currency: null,
          createdAt: whole.at,
        },
      },
    },
  ],
  [
    "what.opportunity.amountMinor",
    {
      ...whole,
      what: {
        kind: "opportunity",
        opportunity: {
          crmId: "HO-1",
          stage: "won",
          amountMinor: 1.5,
          currency: "EUR",
          createdAt: whole.at,
        },
      },
    },
  ],
])("a change with a wrong %s is refused by that name, and not quoted", (field, payload) => {
  let error: unknown;
  try {
    parseCrmChange(payload);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ChangeError);
  expect((error as ChangeError).field).toBe(field);
  expect((error as ChangeError).message).not.toContain("ada@");
});

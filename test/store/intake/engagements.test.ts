import { describe, expect, test } from "vitest";
import { inTransaction } from "../../../store/postgres/db.ts";
import {
  scoreAndSignal,
  storeEngagements,
  type Engaged,
} from "../../../store/intake/engagements.ts";
import { takeIn } from "../../../store/intake/intake.ts";
import { smallAgreement } from "../../support/small-agreement.ts";
import { withDatabase } from "../../support/database.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
const DAY = 86_400_000;
const db = withDatabase({
  empties: ["lead", "process", "account", "outbox", "transition", "engagement"],
  max: 24,
});

async function leads(count: number, stage = "nurture"): Promise<string[]> {
  const taken = await inTransaction(db.pool, (tx) =>
    takeIn(
      tx,
      Array.from({ length: count }, (_, n) => ({
        facts: { "lead.email": `p${n}@acme.com`, "account.employees": 100 },
      })),
      { now, from: "form", lane: 1, agreement: smallAgreement },
    ),
  );
  await db.pool.query("update process set stage = $1, waiting_on = 'signal'", [stage]);
  await db.pool.query("truncate outbox");
  return taken.map((one) => ("leadId" in one ? one.leadId : ""));
}
const happen = (engaged: Engaged[], at = now) =>
  inTransaction(db.pool, async (tx) =>
    scoreAndSignal(tx, await storeEngagements(tx, engaged, at), smallAgreement, at),
  );
const did = (leadId: string, messageId: string, type: string, occurredAt = now): Engaged => ({
  who: { leadId },
  messageId,
  type,
  occurredAt,
});
const signals = async () =>
  (await db.pool.query("select workflow_id, message from outbox order by id")).rows;

describe("a signal is written", () => {
  test("when a threshold of the agreement is crossed, not before or after, and for each raised hand", async () => {
    const [id = ""] = await leads(1);
    expect(await happen([did(id, "1", "blog_view"), did(id, "2", "pricing_page")])).toEqual([]);
    expect(await happen([did(id, "3", "demo_request")])).toEqual([id]);
    expect(await happen([did(id, "4", "blog_view"), did(id, "5", "blog_view")])).toEqual([]);
    // Should something hold the lead back, a person hears of it.
    expect(await happen([did(id, "6", "demo_request")])).toEqual([id]);
    const told = { workflow_id: `lead/${id}`, message: "engaged" };
    expect(await signals()).toEqual([told, told]);
  });

  test("never for a repeated message, however often it comes", async () => {
    const [id = ""] = await leads(1);
    await happen([did(id, "1", "demo_request"), did(id, "1", "demo_request")]);
    await Promise.all(Array.from({ length: 10 }, () => happen([did(id, "1", "demo_request")])));
    expect(await signals()).toHaveLength(1);
    expect((await db.pool.query("select count(*)::int as n from engagement")).rows[0].n).toBe(1);
  });

  test("for a late event by the time it happened: a demo request of 40 days ago is no news", async () => {
    const [id = ""] = await leads(1);
    expect(await happen([did(id, "1", "demo_request", now - 40 * DAY)])).toEqual([]);
    expect((await db.pool.query("select intent from score")).rows).toEqual([{ intent: 40 }]);
  });

  test("not for somebody disqualified or already handed off", async () => {
    const [id = ""] = await leads(1, "disqualified");
    expect(await happen([did(id, "1", "demo_request")])).toEqual([]);
    await db.pool.query("update process set stage = 'mql', waiting_on = 'outreach'");
    expect(await happen([did(id, "2", "demo_request")])).toEqual([]);
  });

  test(
    "for a hand of a lead that sales has, for it may be closing in this moment; once while it " +
      "is not told",
    async () => {
      const [id = ""] = await leads(1, "sal");
      await happen([did(id, "1", "blog_view")]);
      expect(await signals()).toEqual([]);
      await happen([did(id, "2", "pricing_page")]);
      await happen([did(id, "3", "pricing_page"), did(id, "4", "demo_request")]);
      expect(await signals()).toEqual([{ workflow_id: `lead/${id}`, message: "engaged" }]);
      await db.pool.query("update outbox set done_at = now()");
      await happen([did(id, "5", "pricing_page")]);
      expect(await signals()).toHaveLength(2);
    },
  );

  test("for a lead in the re-nurture pool when a return condition comes to hold", async () => {
    const [id = ""] = await leads(1, "renurture");
    await db.pool.query("update process set exit_at = $1, exit_intent = 0", [new Date(now - DAY)]);
    expect(await happen([did(id, "1", "pricing_page", now - 2 * DAY)])).toEqual([]);
    expect(await happen([did(id, "2", "pricing_page")])).toEqual([id]);
    expect(await happen([did(id, "3", "blog_view")])).toEqual([]);
  });

  test("when two halves of a crossing arrive at the same moment on two connections", async () => {
    const [id = ""] = await leads(1);
    const needsTwo = {
      ...smallAgreement,
      leadTypes: smallAgreement.leadTypes.map((type) => ({
        ...type,
        when: { kind: "signal" as const, signal: "pricing_page", atLeast: 2, at: "x" },
      })),
    };
    const half = (n: number) =>
      inTransaction(db.pool, async (tx) =>
        scoreAndSignal(
          tx,
          await storeEngagements(tx, [did(id, `half-${n}`, "pricing_page")], now),
          needsTwo,
          now,
        ),
      );
    expect((await Promise.all([half(1), half(2)])).flat()).toEqual([id]);
  });
});

test("5,000 engagements of one company's 50 people are 5,000 rows and no flood of signals", async () => {
  const ids = await leads(50);
  const batches = Array.from({ length: 10 }, (_, b) =>
    Array.from({ length: 500 }, (_, n) =>
      did(
        ids[n % 50] ?? "",
        `${b}-${n}`,
        n % 3 === 0 ? "pricing_page" : "blog_view",
        now - n * 1000,
      ),
    ),
  );
  for (const batch of batches) await happen(batch);
  expect(
    (await db.pool.query("select count(*)::int as n from engagement where account_id is not null"))
      .rows[0].n,
  ).toBe(5000);
  expect(await signals()).toEqual([]);
  await happen(ids.map((id) => did(id, `demo-${id}`, "demo_request")));
  expect(await signals()).toHaveLength(50);
});

test("the score fades with age by its half-life", async () => {
  const [id = ""] = await leads(1);
  await happen([did(id, "1", "pricing_page", now - 14 * DAY)]);
  expect((await db.pool.query("select fit, intent, band from score")).rows).toEqual([
    { fit: 30, intent: 7.5, band: "D" },
  ]);
});

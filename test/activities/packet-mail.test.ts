import { beforeAll, expect, test } from "vitest";
import { sendMail } from "../../activities/mail.ts";
import type { Mail, MailPort } from "../../messages/mail/mail.ts";
import { insertReview, saveFigures, savePacket } from "../../store/reviews/reviews.ts";
import type { Effect } from "../../store/effects/effects.ts";
import { inTransaction } from "../../store/postgres/db.ts";
import { withDatabase } from "../support/database.ts";
import { madeReview, openedAt } from "../support/made-review.ts";

const db = withDatabase();
let reviewId = "";

beforeAll(async () => {
  await db.pool.query(`
    insert into agreement_version (id, number, content, content_hash, state, created_at, created_by)
      values ('ag_1', 1, '', '', 'active', now(), 'test');
    insert into rep (id, name, email, role, hours, updated_at) values
      ('rp_ops', 'Olga', 'olga@team.example', 'sales-ops', '{"zone":"Europe/Berlin"}', now()),
      ('rp_two', 'Tom', 'tom@team.example', 'sales-ops', '{"zone":"America/New_York"}', now())`);
  const view = madeReview({ kind: "quarterly" });
  await inTransaction(db.pool, async (tx) => {
    const { kind, period, dueAt } = view;
    const times = { openedAt, dueAt, remindAt: dueAt };
    const id = await insertReview(tx, {
      kind,
      period,
      agreementId: "ag_1",
      ...times,
      signaturesNeeded: 2,
    });
    if (id === undefined || view.figures === null) throw new Error("the review was not written");
    reviewId = id;
    await saveFigures(tx, id, view.figures);
    await savePacket(tx, id, {
      reviewer: "marketing-ops",
      calendar: "hq",
      zone: view.zone,
      hasPool: false,
      leads: 0,
      suggestions: { keep: 0, return: 0, retire: 0 },
      reasons: {},
    });
  });
});

async function sent(isKept: boolean): Promise<Mail[]> {
  const mails: Mail[] = [];
  const mail: MailPort = {
    name: "noted",
    ...(isKept ? { isKept: true } : {}),
    send: (one) => {
      mails.push(one);
      return Promise.resolve();
    },
  };
  const effect: Effect = {
    id: 1,
    key: `review/${reviewId}/opened`,
    subject: { kind: "review", id: reviewId },
    handoffId: null,
    kind: "mail",
    what: "review-opened",
    payload: { reviewId, kind: "quarterly", period: "2026-12" },
    createdAt: openedAt,
    attempts: 1,
  };
  const deps = { pool: db.pool, mail, publicUrl: "http://baton.test", clock: () => openedAt };
  expect(await sendMail(deps, effect)).toEqual({ state: "done" });
  return mails;
}

test("the packet goes to each reader with its pictures, in the reader's zone", async () => {
  const mails = await sent(false);
  const [berlin, york] = ["olga@team.example", "tom@team.example"].map((to) =>
    mails.find((one) => one.to === to),
  );
  expect(berlin?.subject).toContain("15:00 (Europe/Berlin)");
  expect(york?.subject).toContain("09:00 (America/New_York)");
  const { pictures = [], html = "" } = berlin ?? {};
  expect(pictures.length).toBeGreaterThan(3);
  for (const { cid, png } of pictures) {
    expect(html).toContain(`src="cid:${cid}"`);
    expect(Buffer.from(png).subarray(1, 4).toString()).toBe("PNG");
  }
  expect(html.match(/<img /g)).toHaveLength(pictures.length);
  expect(html).not.toContain("rp_slow");
});

test("where mail is kept it names no picture that is not there", async () => {
  for (const { pictures, html } of await sent(true)) {
    expect(pictures).toBeUndefined();
    expect(html).not.toContain("<img");
    expect(html).toContain("Open from last time");
  }
});

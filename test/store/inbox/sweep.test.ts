import { expect, test } from "vitest";
import { settings } from "../../../settings/settings.ts";
import { sweep, usualDays, type DaysKept } from "../../../store/inbox/sweep.ts";
import { rows, sql } from "../../../store/postgres/db.ts";
import { withDatabase } from "../../support/database.ts";
import { recordStatements } from "../../support/plans.ts";

const day = 86_400_000;
const now = Date.parse("2026-11-20T12:00:00Z");
const db = withDatabase({
  empties: [
    "outbox",
    "inbox",
    "idempotency_key",
    "effect",
    "kept_mail",
    "engagement",
    "visitor",
    "lead",
  ],
});
const ago = (days: number) => new Date(now - days * day);

/** One row of each kind that was over so many days ago. */
const over: Readonly<Record<keyof DaysKept, (at: Date, n: number) => Promise<unknown>>> = {
  told: (at, n) =>
    db.pool.query(sql`
      insert into outbox (lane, kind, workflow_id, message, payload, created_at, done_at)
        values (1, 'start', ${`lead/ld_${n}`}, 'leadHandoff', '{}', ${at}, ${at})`),
  news: (at, n) =>
    db.pool.query(sql`
      insert into inbox (source, event_id, payload, received_at, processed_at)
        values ('house', ${`ev-${n}`}, '{}', ${at}, ${at})`),
  answers: (at, n) =>
    db.pool.query(sql`
      insert into idempotency_key (caller, key, route, body_hash, state, created_at)
        values ('tn_1', ${`k${n}`}, 'POST /leads', '', 'done', ${at})`),
  syncs: (at, n) =>
    db.pool.query(sql`
      insert into effect (key, subject_kind, subject_id, kind, what, payload, state, created_at,
        done_at) values (${`sync/${n}`}, 'lead', 'ld_1', 'sync-crm', 'lead', '{}',
          ${n % 2 === 0 ? "done" : "withdrawn"}, ${at}, ${at})`),
  mail: (at, n) =>
    db.pool.query(sql`
      insert into kept_mail (message_id, recipient, subject, body_text, body_html, sent_at)
        values (${`<${n}@baton>`}, 'a@example.com', '', '', '', ${at})`),
  visitors: async (at, n) => {
    await db.pool.query(sql`
      insert into engagement (message_id, anonymous_id, type, occurred_at, received_at)
        values (${`m${n}`}, ${`v${n}`}, 'page', ${at}, ${at})`);
    await db.pool.query(sql`
      insert into visitor (id, facts, since) values (${`v${n}`}, '{}', ${at})`);
  },
};
const tables: Readonly<Record<keyof DaysKept, readonly string[]>> = {
  told: ["outbox"],
  news: ["inbox"],
  answers: ["idempotency_key"],
  syncs: ["effect"],
  mail: ["kept_mail"],
  visitors: ["engagement", "visitor"],
};
const count = async (table: string) =>
  (await db.pool.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]?.n;

test.each(Object.keys(over) as (keyof DaysKept)[])(
  "%s: what is over for longer than it is kept goes, in small statements, and nothing else",
  async (kind) => {
    const kept = { ...usualDays, [kind]: 10 };
    for (let n = 0; n < 7; n += 1) await over[kind](ago(10.1), n);
    for (let n = 7; n < 10; n += 1) await over[kind](ago(9.9), n);
    const recorded = recordStatements(db.pool);
    expect(await sweep(db.pool, kept, { batch: 3, most: 5 }, now)).toBe(5 * tables[kind].length);
    recorded.stop();
    expect(
      recorded.sent.filter(({ text }) => text.includes(`delete from ${tables[kind][0]} `)),
    ).toHaveLength(2);
    for (const table of tables[kind]) expect(await count(table)).toBe(5);
    await sweep(db.pool, kept, { batch: 3, most: 100 }, now);
    for (const table of tables[kind]) expect(await count(table)).toBe(3);
  },
);

test("what is open, what failed, what a person was told of, and what is somebody's stays", async () => {
  const old = ago(3_000);
  await db.pool.query(sql`insert into lead (id, arrived_at) values ('ld_1', ${old})`);
  await db.pool.query(sql`
    insert into outbox (lane, kind, workflow_id, message, payload, created_at)
      values (1, 'start', 'lead/ld_1', 'leadHandoff', '{}', ${old})`);
  await db.pool.query(sql`
    insert into inbox (source, event_id, payload, received_at, processed_at, error)
      values ('house', 'waits', '{}', ${old}, null, null),
        ('house', 'unusable', '{}', ${old}, ${old}, 'no')`);
  await db.pool.query(sql`
    insert into effect (key, subject_kind, subject_id, kind, what, payload, state, created_at,
      done_at)
      values ('a', 'lead', 'ld_1', 'sync-crm', 'lead', '{}', 'open', ${old}, null),
        ('b', 'lead', 'ld_1', 'sync-crm', 'lead', '{}', 'failed', ${old}, ${old}),
        ('c', 'lead', 'ld_1', 'mail', 'offer', '{}', 'done', ${old}, ${old})`);
  await db.pool.query(sql`
    insert into engagement (message_id, lead_id, type, occurred_at, received_at)
      values ('m', 'ld_1', 'page', ${old}, ${old})`);
  expect(await sweep(db.pool, usualDays, { most: 100 }, now)).toBe(0);
  expect(await rows(db.pool, sql`select key from effect order by key`)).toHaveLength(3);
});

test("when nothing is set, the settings say the same as the usual days", () => {
  const set = (name: keyof typeof settings) => Number(settings[name].fallback);
  expect(usualDays).toEqual({
    told: set("BATON_KEEP_TOLD_DAYS"),
    news: set("BATON_KEEP_NEWS_DAYS"),
    answers: set("BATON_KEEP_ANSWERS_DAYS"),
    syncs: set("BATON_KEEP_SYNCS_DAYS"),
    mail: set("BATON_KEEP_MAIL_DAYS"),
    visitors: set("BATON_KEEP_VISITORS_DAYS"),
  });
});

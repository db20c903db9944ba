import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { createApp } from "../../api/app.ts";
import { intakeRoutes } from "../../api/intake.ts";
import { openLink } from "../../chaos/proxy.ts";
import { createToken } from "../../store/access/tokens.ts";
import type { CrashHook } from "../../store/postgres/crash-point.ts";
import { inTransaction, openPool } from "../../store/postgres/db.ts";
import { activate, createAgreements } from "../../store/process/agreements.ts";
import { smallAgreement } from "../support/small-agreement.ts";
import { freshDatabase } from "../support/world.ts";

/** A repeat under its key gives the first answer, whatever became of the connection in between. */
const toClose: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close();
});
const now = Date.parse("2026-11-20T12:00:00Z");

async function intakeBehindLink(crashPoint?: CrashHook) {
  const database = await freshDatabase();
  toClose.push(() => database.drop());
  const url = new URL(database.url);
  url.search = ""; // over TCP, for the link is in between
  const link = await openLink("test", Number(url.port));
  toClose.push(() => link.close());
  url.port = String(link.port);
  const pool = openPool(url.href, { max: 3, statementTimeoutMs: 3_000 });
  toClose.push(() => pool.end());
  await inTransaction(database.pool, (tx) => activate(tx, "the agreement", "test", now));
  const wish = { role: "marketing", label: "test" } as const;
  const { secret } = await createToken(database.pool, wish, now);
  const app = createApp(
    {
      pool,
      keyed: pool,
      routing: pool,
      agreements: createAgreements(() => smallAgreement),
      clock: () => now,
      publicUrl: "http://baton.test",
      log: pino({ level: "silent" }),
      temporal: { reachable: () => Promise.resolve(false), close: () => Promise.resolve() },
      crashPoint,
    },
    [intakeRoutes],
  );
  const post = async (key: string, email: string) => {
    const answer = await app.request("/leads", {
      method: "POST",
      headers: {
        authorization: `Bearer ${secret}`,
        "content-type": "application/json",
        "idempotency-key": key,
      },
      body: JSON.stringify({ facts: { "lead.email": email, "lead.name": "Kim Example" } }),
    });
    return {
      status: answer.status,
      location: answer.headers.get("location"),
      body: (await answer.json()) as { id: string; changed: string[]; url: string },
    };
  };
  return { link, post, direct: database.pool };
}

test("the link breaks right after the commit: the answer is there, and so is the repeat's", async () => {
  let breakLink = () => {};
  const { link, post, direct } = await intakeBehindLink((place) => {
    if (place === "intake-committed") breakLink();
  });
  breakLink = () => link.suffer({ kind: "cut" });
  const first = await post("one", "kim@acme.com");
  expect(first.status).toBe(201);
  link.heal();
  breakLink = () => {};
  await expect.poll(() => post("one", "kim@acme.com"), { timeout: 5_000 }).toEqual(first);
  expect(first.location).toBe(first.body.url);
  expect((await direct.query("select id from lead")).rows).toEqual([{ id: first.body.id }]);
});

test("the commit's reply is lost: the repeat gets the answer that nobody heard", async () => {
  const { link, post, direct } = await intakeBehindLink();
  expect((await post("warm", "warm@acme.com")).status).toBe(201);
  // Commits take long enough for the link to break while one is under way.
  await direct.query(`
    create function take_long() returns trigger language plpgsql as
      $$ begin perform pg_sleep(1.5); return null; end $$;
    create constraint trigger long_commit after insert on lead deferrable initially deferred
      for each row execute function take_long()`);
  const asked = post("two", "lee@acme.com");
  await expect
    .poll(
      async () =>
        (
          await direct.query(
            "select 1 from pg_stat_activity where query = 'commit' and state = 'active'",
          )
        ).rowCount,
      { timeout: 5_000, interval: 20 },
    )
    .toBe(1);
  link.suffer({ kind: "reply-lost" });
  expect((await asked).status).toBe(503);
  link.heal();
  await expect
    .poll(async () => (await post("two", "lee@acme.com")).status, { timeout: 10_000 })
    .toBe(201);
  const again = await post("two", "lee@acme.com");
  expect(again.body.changed).toContain("lead.name");
  expect(again.location).toBe(again.body.url);
  expect((await direct.query("select id from lead where email = 'lee@acme.com'")).rows).toEqual([
    { id: again.body.id },
  ]);
});

import { afterEach, expect, test } from "vitest";
import { openLink, type Link } from "../../chaos/proxy.ts";
import { inTransaction, openPool, sql, type Pool } from "../../store/postgres/db.ts";
import { freshDatabase } from "../support/world.ts";

let link: Link;
const toClose: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close();
});

/** A database behind a link, with statements that may take half a second. */
async function behindLink(): Promise<{ direct: Pool; pool: Pool }> {
  const database = await freshDatabase();
  toClose.push(() => database.drop());
  const url = new URL(database.url);
  url.search = ""; // over TCP, for the link is in between
  link = await openLink("test", Number(url.port));
  toClose.push(() => link.close());
  url.port = String(link.port);
  const pool = openPool(url.href, { max: 3, statementTimeoutMs: 500 });
  toClose.push(() => pool.end());
  await database.pool.query("create table note (id text primary key)");
  return { direct: database.pool, pool };
}
const note = (pool: Pool, id: string) =>
  inTransaction(pool, (tx) => tx.query(sql`insert into note (id) values (${id})`));
const notes = async (pool: Pool) =>
  (await pool.query("select id from note order by id")).rows.map((row) => row.id);

test("a link passes everything on, and slowly when it is slow", async () => {
  const { pool } = await behindLink();
  await note(pool, "one");
  expect(link.touched()).toBe(0);
  link.suffer({ kind: "slow", ms: 60 });
  const began = performance.now();
  expect(await notes(pool)).toEqual(["one"]);
  expect(performance.now() - began).toBeGreaterThan(100);
  expect(link.touched()).toBeGreaterThan(0);
});

test(
  "a database that falls silent fails each statement in bounded time, holds no connection, and " +
    "serves again when it is back",
  async () => {
    const { pool } = await behindLink();
    await note(pool, "one");
    link.suffer({ kind: "silent" });
    const began = performance.now();
    const failures = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        note(pool, `lost-${n}`).then(
          () => "done",
          (error: Error) => error.message,
        ),
      ),
    );
    expect(performance.now() - began).toBeLessThan(6_000);
    expect(failures).not.toContain("done");
    link.heal();
    await expect.poll(() => notes(pool).catch(() => []), { timeout: 5_000 }).toEqual(["one"]);
  },
);

test(
  "a connection that breaks between two statements of a transaction fails the transaction and " +
    "not the process",
  async () => {
    const { direct, pool } = await behindLink();
    const work = inTransaction(pool, async (tx) => {
      await tx.query(sql`insert into note (id) values ('half')`);
      link.suffer({ kind: "cut" });
      // The loss is heard of while nothing is asked.
      await new Promise((done) => setTimeout(done, 50));
      await tx.query(sql`insert into note (id) values ('other half')`);
    });
    await expect(work).rejects.toThrow();
    link.heal();
    expect(await notes(direct)).toEqual([]);
    await note(pool, "whole");
    expect(await notes(direct)).toEqual(["whole"]);
  },
);

test("a server that ends in mid-transaction fails the transaction and not the process", async () => {
  const { direct, pool } = await behindLink();
  const work = inTransaction(pool, async (tx) => {
    const { rows } = await tx.query("select pg_backend_pid() as pid");
    await direct.query("select pg_terminate_backend($1)", [rows[0].pid]);
    await new Promise((done) => setTimeout(done, 50));
    await tx.query("select 1");
  });
  await expect(work).rejects.toThrow();
  await note(pool, "after");
  expect(await notes(direct)).toEqual(["after"]);
});

test("a reply that is lost leaves what was asked carried out", async () => {
  const { direct, pool } = await behindLink();
  await note(pool, "one");
  link.suffer({ kind: "reply-lost" });
  await expect(pool.query(sql`insert into note (id) values ('two')`)).rejects.toThrow();
  link.heal();
  await expect.poll(() => notes(direct)).toEqual(["one", "two"]);
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { audit, auditHead, checkAudit, lostAnchors } from "../../../store/postgres/audit.ts";
import { inTransaction } from "../../../store/postgres/db.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

let db: FreshDatabase;
const now = Date.parse("2026-11-23T15:00:00.123Z");
beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(() => db.drop());
const write = (n: number) =>
  inTransaction(db.pool, (tx) =>
    audit(
      tx,
      {
        actor: "rp_one",
        what: "test.done",
        subject: `ld_${n}`,
        detail: { b: n, a: ["x"], c: null },
      },
      now + n,
    ),
  );

describe("the audit trail", () => {
  test("is whole after many writers at once, and empty it is whole too", async () => {
    expect((await checkAudit(db.pool)).brokenAt).toBeNull();
    await Promise.all(Array.from({ length: 30 }, (_, n) => write(n)));
    expect(
      (
        await db.pool.query(
          "select count(*)::int as n, count(distinct previous)::int as chained from audit",
        )
      ).rows,
    ).toEqual([{ n: 30, chained: 30 }]);
    expect((await checkAudit(db.pool)).brokenAt).toBeNull();
  });

  test("leaves no row behind when what it reports was rolled back", async () => {
    await expect(
      inTransaction(db.pool, async (tx) => {
        await audit(tx, { actor: "x", what: "y" }, now);
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    await write(1);
    expect((await db.pool.query("select count(*)::int as n from audit")).rows).toEqual([{ n: 1 }]);
    expect((await checkAudit(db.pool)).brokenAt).toBeNull();
  });

  test.each(["update audit set actor = 'nobody'", "delete from audit", "truncate audit"])(
    "%s is refused by the database",
    async (statement) => {
      await write(1);
      await expect(db.pool.query(statement)).rejects.toThrow(
        "audit rows are never changed or removed",
      );
    },
  );

  test.each([
    ["changed", "update audit set actor = 'rp_two' where subject = 'ld_2'"],
    ["removed", "delete from audit where subject = 'ld_1'"],
  ])("a row %s behind our back is noticed", async (_, statement) => {
    for (const n of [0, 1, 2, 3]) await write(n);
    await db.pool.query("alter table audit disable trigger audit_is_insert_only");
    await db.pool.query(statement);
    const second = (await db.pool.query("select id from audit where subject = 'ld_2'")).rows[0].id;
    expect((await checkAudit(db.pool)).brokenAt).toBe(second);
  });

  /** Cuts the trail, or works it out anew from a row that is changed, as its owner could. */
  const forge = async (statement: string) => {
    await db.pool.query("alter table audit disable trigger audit_is_insert_only");
    await db.pool.query(statement);
    await db.pool.query("alter table audit enable trigger audit_is_insert_only");
  };

  test("that was cut at its end is whole in itself, and not what was noted outside", async () => {
    for (const n of [0, 1, 2]) await write(n);
    const head = await auditHead(db.pool);
    expect(await lostAnchors(db.pool, head ? [head] : [])).toEqual([]);
    await forge("delete from audit where subject = 'ld_2'");
    expect((await checkAudit(db.pool)).brokenAt).toBeNull();
    expect(await lostAnchors(db.pool, head ? [head] : [])).toEqual([head]);
  });

  test("that was worked out anew is whole in itself, and not what was noted outside", async () => {
    for (const n of [0, 1]) await write(n);
    const head = await auditHead(db.pool);
    await forge("delete from audit; alter table audit alter column id restart with 1");
    for (const n of [5, 6]) await write(n);
    expect((await checkAudit(db.pool)).brokenAt).toBeNull();
    expect(await lostAnchors(db.pool, head ? [head] : [])).toEqual([head]);
  });
});

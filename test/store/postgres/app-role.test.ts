import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { grantApp } from "../../../store/postgres/app-role.ts";
import { audit, checkAudit } from "../../../store/postgres/audit.ts";
import { inTransaction, openPool, type Pool } from "../../../store/postgres/db.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

let db: FreshDatabase;
let app: Pool;
const role = `app_${randomBytes(4).toString("hex")}`;
beforeAll(async () => {
  db = await freshDatabase();
  await grantApp(db.url, role, "not a secret");
  const url = new URL(db.url);
  url.username = role;
  url.password = encodeURIComponent("not a secret");
  app = openPool(url.href, { max: 2 });
});
afterAll(async () => {
  await app?.end();
  await db.pool.query(`drop owned by ${role}`);
  await db.pool.query(`drop role ${role}`);
  await db.drop();
});

describe("the role as which Baton works", () => {
  test("adds to the audit trail", async () => {
    await inTransaction(app, (tx) => audit(tx, { actor: "rp_one", what: "test.done" }, 0));
    expect(await checkAudit(app)).toEqual({ rows: 1, brokenAt: null });
  });

  test.each([
    "update audit set actor = 'nobody'",
    "delete from audit",
    "truncate audit",
    "alter table audit disable trigger audit_is_insert_only",
    "drop trigger audit_is_insert_only on audit",
    "drop table audit",
    "alter table lead add column more text",
    "truncate lead cascade",
    "create table mine (id text)",
    "delete from schema_migration",
    "create role other",
    "set session_replication_role = replica",
  ])("may not: %s", async (statement) => {
    await expect(app.query(statement)).rejects.toMatchObject({ code: "42501" });
  });

  test("owns nothing, and reads and writes the rows of every other table", async () => {
    const owned =
      "select from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname = $1";
    expect((await db.pool.query(owned, [role])).rowCount).toBe(0);
    const { rows } = await db.pool.query(
      `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
        and not (has_table_privilege($1, oid, 'select') and has_table_privilege($1, oid, 'insert')
          and has_table_privilege($1, oid, 'update') and has_table_privilege($1, oid, 'delete'))
        order by 1`,
      [role],
    );
    expect(rows.map(({ relname }) => relname)).toEqual(["audit", "schema_migration"]);
  });

  test("is granted again after a migration, without its password", async () => {
    await db.pool.query("create table later (id text)");
    await expect(app.query("select from later")).rejects.toMatchObject({ code: "42501" });
    await grantApp(db.url, role);
    await app.query("select from later");
    await expect(grantApp(db.url, "nobody_of_that_name")).rejects.toThrow("there is no role");
    await expect(grantApp(db.url, "a; drop")).rejects.toThrow("expected the name of a role");
  });
});

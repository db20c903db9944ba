import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createToken,
  ensureOperatorToken,
  findToken,
  findTokens,
  revokeToken,
} from "../../store/tokens.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";

let db: FreshDatabase;
const now = Date.parse("2026-11-23T15:00:00Z");
beforeAll(async () => {
  db = await freshDatabase();
  await db.pool.query(
    "insert into rep (id, name, email, updated_at) values ('rp_one', 'A', 'a@example.com', now())",
  );
});
afterAll(() => db.drop());

describe("tokens", () => {
  test("are found by their secret, which is stored nowhere", async () => {
    const { id, secret } = await createToken(
      db.pool,
      { role: "rep", repId: "rp_one", label: "phone" },
      now,
    );
    expect(await findToken(db.pool, secret)).toEqual({ id, role: "rep", repId: "rp_one" });
    expect(JSON.stringify((await db.pool.query("select * from token")).rows)).not.toContain(secret);
    for (const wrong of ["", id, secret.slice(0, -1), `${secret}x`, secret.toUpperCase()])
      expect(await findToken(db.pool, wrong)).toBeUndefined();
  });

  test("a revoked one is found no more, and is revoked once", async () => {
    const { id, secret } = await createToken(db.pool, { role: "crm", label: "hub" }, now);
    expect([await revokeToken(db.pool, id, now), await revokeToken(db.pool, id, now)]).toEqual([
      true,
      false,
    ]);
    expect(await findToken(db.pool, secret)).toBeUndefined();
  });

  test("many are found at once, each behind its own secret; what is unknown or revoked is not", async () => {
    const [good, gone, other] = [
      await createToken(db.pool, { role: "crm", label: "a" }, now),
      await createToken(db.pool, { role: "crm", label: "b" }, now),
      await createToken(db.pool, { role: "revops", label: "c" }, now),
    ];
    await revokeToken(db.pool, gone.id, now);
    const found = await findTokens(db.pool, [
      other.secret,
      gone.secret,
      good.secret,
      "nobody's",
      good.secret,
    ]);
    expect(found.map((token) => token?.id)).toEqual([
      other.id,
      undefined,
      good.id,
      undefined,
      good.id,
    ]);
    expect(await findTokens(db.pool, [])).toEqual([]);
  });

  test.each([
    [{ role: "rep", label: "x" }, "needs the id of a person"],
    [{ role: "manager", label: "x" }, "needs the id of a person"],
    [{ role: "operator", repId: "rp_one", label: "x" }, "belongs to no person"],
    [{ role: "rep", repId: "rp_nobody", label: "x" }, "nobody rp_nobody"],
  ] as const)("%j is refused: %s", async (wish, why) => {
    await expect(createToken(db.pool, wish, now)).rejects.toThrow(why);
  });

  test("the operator's own secret is made a token once, however often it starts, and is live again after a revocation", async () => {
    const secret = "bt_an-operators-own-secret-of-some-length";
    const ids = await Promise.all(
      Array.from({ length: 5 }, () => ensureOperatorToken(db.pool, secret, now)),
    );
    expect(new Set(ids).size).toBe(1);
    await revokeToken(db.pool, ids[0] ?? "", now);
    expect(await ensureOperatorToken(db.pool, secret, now)).toBe(ids[0]);
    expect(await findToken(db.pool, secret)).toMatchObject({ role: "operator", repId: null });
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createToken,
  ensureOperatorToken,
  findToken,
  findTokens,
  listTokens,
  revokeToken,
} from "../../../store/access/tokens.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

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
    expect(await findToken(db.pool, secret, now)).toEqual({
      id,
      role: "rep",
      repId: "rp_one",
      party: null,
    });
    expect(JSON.stringify((await db.pool.query("select * from token")).rows)).not.toContain(secret);
    for (const wrong of ["", id, secret.slice(0, -1), `${secret}x`, secret.toUpperCase()])
      expect(await findToken(db.pool, wrong, now)).toBeUndefined();
  });

  test("a revoked one is found no more, and is revoked once", async () => {
    const { id, secret } = await createToken(db.pool, { role: "crm", label: "hub" }, now);
    expect([await revokeToken(db.pool, id, now), await revokeToken(db.pool, id, now)]).toEqual([
      true,
      false,
    ]);
    expect(await findToken(db.pool, secret, now)).toBeUndefined();
  });

  test("many are found at once, each behind its own secret; what is unknown or revoked is not", async () => {
    const [good, gone, other] = [
      await createToken(db.pool, { role: "crm", label: "a" }, now),
      await createToken(db.pool, { role: "crm", label: "b" }, now),
      await createToken(db.pool, { role: "revops", label: "c" }, now),
    ];
    await revokeToken(db.pool, gone.id, now);
    const found = await findTokens(
      db.pool,
      [other.secret, gone.secret, good.secret, "nobody's", good.secret],
      now,
    );
    expect(found.map((token) => token?.id)).toEqual([
      other.id,
      undefined,
      good.id,
      undefined,
      good.id,
    ]);
    expect(await findTokens(db.pool, [], now)).toEqual([]);
  });

  test.each([
    [{ role: "rep", label: "x" }, "needs the id of a person"],
    [{ role: "manager", label: "x" }, "needs the id of a person"],
    [{ role: "operator", repId: "rp_one", label: "x" }, "belongs to no person"],
    [{ role: "rep", repId: "rp_nobody", label: "x" }, "nobody rp_nobody"],
  ] as const)("%j is refused: %s", async (wish, why) => {
    await expect(createToken(db.pool, wish, now)).rejects.toThrow(why);
  });

  test("one that ends works until then, and not at that moment", async () => {
    const expiresAt = now + 60_000;
    const { id, secret } = await createToken(
      db.pool,
      { role: "crm", label: "trial", expiresAt },
      now,
    );
    expect(await findToken(db.pool, secret, expiresAt - 1)).toMatchObject({ id });
    expect(await findToken(db.pool, secret, expiresAt)).toBeUndefined();
    await expect(
      createToken(db.pool, { role: "crm", label: "late", expiresAt: now }, now),
    ).rejects.toThrow("must end in the future");
  });

  test("those of somebody who has left work no more, and no new one is made", async () => {
    await db.pool.query(
      "insert into rep (id, name, email, updated_at) values ('rp_gone', 'B', 'b@example.com', now())",
    );
    const { secret } = await createToken(
      db.pool,
      { role: "rep", repId: "rp_gone", label: "phone" },
      now,
    );
    await db.pool.query("update rep set active = false where id = 'rp_gone'");
    expect(await findToken(db.pool, secret, now)).toBeUndefined();
    await expect(
      createToken(db.pool, { role: "rep", repId: "rp_gone", label: "x" }, now),
    ).rejects.toThrow("rp_gone is not active");
  });

  test("are listed with what became of them, and never with a secret", async () => {
    const states = Object.fromEntries(
      (await listTokens(db.pool, now + 120_000, true)).map(({ label, state }) => [label, state]),
    );
    expect(states).toMatchObject({ a: "live", b: "revoked", trial: "expired" });
    expect(
      (await listTokens(db.pool, now + 120_000, false)).every(({ state }) => state === "live"),
    ).toBe(true);
    expect(JSON.stringify(await listTokens(db.pool, now, true))).not.toMatch(/hash|secret|baton_/);
  });

  test("the operator's own secret is made a token once, however often it starts, and stays revoked", async () => {
    const secret = "bt_an-operators-own-secret-of-some-length";
    const made = await Promise.all(
      Array.from({ length: 5 }, () => ensureOperatorToken(db.pool, secret, now)),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(made[0]).toMatchObject({ isLive: true });
    expect(await findToken(db.pool, secret, now)).toMatchObject({ role: "operator", repId: null });
    await revokeToken(db.pool, made[0]!.id, now);
    expect(await ensureOperatorToken(db.pool, secret, now)).toEqual({
      id: made[0]!.id,
      isLive: false,
    });
    expect(await findToken(db.pool, secret, now)).toBeUndefined();
  });
});

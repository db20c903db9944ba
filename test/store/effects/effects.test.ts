import { expect, test } from "vitest";
import {
  addEffect,
  claimEffects,
  countOpenEffects,
  endEffect,
  openEffects,
  releaseEffect,
  withdrawEffects,
  type EffectKind,
  type NewEffect,
} from "../../../store/effects/effects.ts";
import { inTransaction } from "../../../store/postgres/db.ts";
import { withDatabase } from "../../support/database.ts";

const now = Date.parse("2026-11-20T12:00:00Z");
const ada = { kind: "lead", id: "ld_ada" } as const;
const db = withDatabase({ empties: ["effect", "connection"] });

const add = (key: string, more: Partial<NewEffect> = {}) =>
  addEffect(db.pool, { key, subject: ada, kind: "mail", what: "offer", payload: {}, ...more }, now);
const connection = "crm:test";
const claimEffect = async (kind: EffectKind, at = now, until = now + 1_000) =>
  (await claimEffects(db.pool, ada, { kinds: [kind], now: at, until, connection })).effects[0];
const open = async () => (await openEffects(db.pool, ada)).map((effect) => effect.key);

test("the same key is one effect, and the first wording stands", async () => {
  await add("k1", { payload: { repId: "rp_ann" } });
  await add("k1", { payload: { repId: "rp_bob" } });
  expect(await openEffects(db.pool, ada)).toMatchObject([
    { key: "k1", payload: { repId: "rp_ann" }, subject: ada, attempts: 0, createdAt: now },
  ]);
});

test("an effect of a decision that was rolled back was never there", async () => {
  await expect(
    inTransaction(db.pool, async (tx) => {
      await addEffect(
        tx,
        { key: "k1", subject: ada, kind: "mail", what: "offer", payload: {} },
        now,
      );
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  expect(await open()).toEqual([]);
});

test(
  "a new sync replaces the subject's waiting ones, not mail, not another subject's, and not " +
    "one that is running",
  async () => {
    const sync = { kind: "sync-crm", what: "lead" } as const;
    await add("other", { ...sync, subject: { kind: "lead", id: "ld_bea" } });
    await add("mail");
    await add("s1", sync);
    await claimEffect("sync-crm");
    await add("s2", sync);
    await add("s3", sync);
    expect(await open()).toEqual(["mail", "s1", "s3"]);
    // The repeat of a decision asks for its sync again: it is no newer one.
    await add("s2", sync);
    expect(await open()).toEqual(["mail", "s1", "s3"]);
    expect(await countOpenEffects(db.pool, { kind: "lead", id: "ld_bea" })).toBe(1);
  },
);

test("effects of a kind are claimed in order, one at a time; another kind is not held up", async () => {
  await add("m1");
  await add("m2");
  await add("s1", { kind: "sync-crm", what: "lead" });
  const first = await claimEffect("mail");
  expect(first).toMatchObject({ key: "m1", attempts: 1 });
  expect(await claimEffect("mail")).toBeUndefined();
  expect(await claimEffect("sync-crm")).toMatchObject({ key: "s1" });
  await endEffect(db.pool, first!.id, { state: "done" }, now);
  expect(await claimEffect("mail")).toMatchObject({ key: "m2" });
});

test(
  "a run takes the first of each kind at once, and knows whether that is all, whether the lead " +
    "is gone and whether the connection is paused",
  async () => {
    const both = (at = now) =>
      claimEffects(db.pool, ada, {
        kinds: ["mail", "sync-crm"],
        now: at,
        until: at + 1_000,
        connection,
      });
    expect(await both()).toEqual({ effects: [], isAll: false, isGone: false, isPaused: false });
    await add("m1");
    await add("m2");
    await add("s1", { kind: "sync-crm", what: "lead" });
    const taken = await both();
    expect(taken).toMatchObject({ isAll: true, isGone: false, isPaused: false });
    expect(
      taken.effects
        .map((effect) => `${effect.key} ${effect.isLast}`)
        .toSorted((a, b) => a.localeCompare(b)),
    ).toEqual(["m1 false", "s1 true"]);
    await releaseEffect(db.pool, taken.effects.find((effect) => effect.key === "m1")!.id, "no");
    await db.pool.query("insert into connection (name, since) values ($1, now())", [connection]);
    // The sync is in another run's hands.
    expect(await both()).toMatchObject({ effects: [{ key: "m1" }], isAll: false, isPaused: true });
  },
);

test("of ten runs that want the same effect one gets it", async () => {
  await add("m1");
  const claimed = await Promise.all(Array.from({ length: 10 }, () => claimEffect("mail")));
  expect(claimed.filter(Boolean)).toHaveLength(1);
});

test("given back or with its claim over, it can be claimed again; ended, never", async () => {
  await add("m1");
  const first = await claimEffect("mail");
  expect(await claimEffect("mail", now + 1_000, now + 2_000)).toMatchObject({ attempts: 2 });
  await releaseEffect(db.pool, first!.id, "the server answered 451");
  expect(await claimEffect("mail", now + 1_001, now + 2_000)).toMatchObject({ attempts: 3 });
  await endEffect(db.pool, first!.id, { state: "failed", why: "no" }, now);
  await endEffect(db.pool, first!.id, { state: "done" }, now);
  expect((await db.pool.query("select state, error from effect")).rows).toEqual([
    { state: "failed", error: "no" },
  ]);
  expect(await claimEffect("mail", now + 9_000, now + 10_000)).toBeUndefined();
});

test("withdrawing spares the messages that are wanted all the same", async () => {
  await add("m1");
  await add("w1", { what: "withdrawn" });
  await add("s1", { kind: "sync-crm", what: "lead" });
  expect(await withdrawEffects(db.pool, ada, "erased", ["withdrawn"], now)).toBe(2);
  expect(await open()).toEqual(["w1"]);
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  noteAction,
  openActions,
  resultOf,
  settleAction,
  storedAction,
  type NewAction,
} from "../../store/actions.ts";
import { claim, giveUp, keepAnswer, sweepAnswers } from "../../store/idempotency.ts";
import type { ActionResult } from "../../workflows/contract.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";

let db: FreshDatabase;
const now = Date.parse("2026-11-23T15:00:00Z");
beforeAll(async () => {
  db = await freshDatabase();
  await db.pool.query(
    "insert into lead (id, arrived_at, stage_since) values ('ld_1', now(), now())",
  );
});
afterAll(() => db.drop());
const action = (id: string): NewAction => ({
  id,
  leadId: "ld_1",
  name: "reject",
  by: "rp_one",
  role: "rep",
  body: { reason: "wrong-role", note: "a" },
  via: "api",
  receivedAt: now,
});
const done: ActionResult = {
  done: true,
  stage: "renurture",
  waitingOn: "return",
  owner: null,
  because: "rejected: wrong-role",
};
const refused: ActionResult = {
  done: false,
  code: "already-answered",
  message: "no",
  stage: "sal",
  waitingOn: "attempts",
  owner: "rp_one",
};

describe("an action", () => {
  test("noted twice is stored once, and the first time of arrival stands", async () => {
    const first = await noteAction(db.pool, action("ax_1"));
    const again = await noteAction(db.pool, { ...action("ax_1"), receivedAt: now + 60_000 });
    expect([first.receivedAt, again.receivedAt, again.sameBody, again.result]).toEqual([
      now,
      now,
      true,
      null,
    ]);
  });

  test("offered with another body is seen to be another; the order of its fields does not matter", async () => {
    await noteAction(db.pool, action("ax_2"));
    expect(
      (await storedAction(db.pool, "ax_2", { note: "a", reason: "wrong-role" }))?.sameBody,
    ).toBe(true);
    expect((await storedAction(db.pool, "ax_2", { reason: "no-authority" }))?.sameBody).toBe(false);
    expect(await storedAction(db.pool, "ax_none", {})).toBeUndefined();
  });

  test("is answered once: the first answer stands", async () => {
    await noteAction(db.pool, action("ax_3"));
    expect((await openActions(db.pool, "ld_1")).map((one) => one.id)).toContain("ax_3");
    expect(await settleAction(db.pool, "ax_3", done, now)).toEqual(done);
    expect(await settleAction(db.pool, "ax_3", refused, now)).toEqual(done);
    expect(await resultOf(db.pool, "ax_3")).toEqual(done);
    expect((await openActions(db.pool, "ld_1")).map((one) => one.id)).not.toContain("ax_3");
  });
});

describe("a repeatable request", () => {
  const request = { caller: "tn_1", key: "k", route: "POST /leads", bodyHash: "h" };

  test("of twenty at once one is the first, the others are told that it runs", async () => {
    const claims = await Promise.all(
      Array.from({ length: 20 }, () => claim(db.pool, request, now)),
    );
    expect(claims.filter((one) => one.kind === "first")).toHaveLength(1);
    expect(claims.filter((one) => one.kind === "running")).toHaveLength(19);
  });

  test("once answered gives the answer; another body or route is another request; another caller's key is another key", async () => {
    await keepAnswer(db.pool, request, 201, { id: "ld_9" });
    expect(await claim(db.pool, request, now)).toEqual({
      kind: "done",
      status: 201,
      response: { id: "ld_9" },
    });
    expect(await claim(db.pool, { ...request, bodyHash: "other" }, now)).toEqual({
      kind: "other-request",
    });
    expect(await claim(db.pool, { ...request, route: "POST /imports" }, now)).toEqual({
      kind: "other-request",
    });
    expect(await claim(db.pool, { ...request, caller: "tn_2" }, now)).toEqual({ kind: "first" });
  });

  test("given up it is a first attempt again; abandoned it is so after a while", async () => {
    const given = { ...request, key: "given" };
    await claim(db.pool, given, now);
    await giveUp(db.pool, given);
    expect(await claim(db.pool, given, now)).toEqual({ kind: "first" });
    expect(await claim(db.pool, given, now + 14_999)).toEqual({ kind: "running" });
    expect(await claim(db.pool, given, now + 15_001)).toEqual({ kind: "first" });
  });

  test("is forgotten when it is old, and only then", async () => {
    const old = { ...request, key: "old" };
    await claim(db.pool, old, now - 8 * 86_400_000);
    await keepAnswer(db.pool, old, 200, {});
    expect(await sweepAnswers(db.pool, now - 7 * 86_400_000)).toBe(1);
    expect(await claim(db.pool, request, now)).toMatchObject({ kind: "done" });
  });
});

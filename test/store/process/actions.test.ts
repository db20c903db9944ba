import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agreementOf } from "../../../agreement/stored.ts";
import { noteAction, storedAction, type NewAction } from "../../../store/process/actions.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { rows, sql } from "../../../store/postgres/db.ts";
import { claimKey, releaseKey, storeAnswers } from "../../../store/access/idempotency.ts";
import { decideAction } from "../../../store/process/take-action.ts";
import { routingDispatcher } from "../../../store/routing/dispatcher.ts";
import { peopleWorld, type PeopleWorld } from "../../support/people-world.ts";

let db: PeopleWorld;
let leadId: string;
const now = Date.parse("2026-11-23T15:00:00Z");
beforeAll(async () => {
  db = await peopleWorld();
  leadId = await db.lead("rp_one");
});
afterAll(() => db.close());
const action = (id: string): NewAction & { readonly leadId: string } => ({
  id,
  leadId,
  name: "reject",
  by: "rp_one",
  role: "rep",
  body: { reason: "wrong-role", note: "a" },
  via: "api",
  receivedAt: now,
});

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

  test("is answered once: the first answer stands, and a repeat changes nothing more", async () => {
    const id = await db.lead("rp_one");
    const deps = {
      pool: db.pool,
      agreements: createAgreements(agreementOf),
      dispatcher: routingDispatcher(db.pool),
    };
    const decided = (ax: string, what: Pick<NewAction, "name" | "body">, at: number) =>
      decideAction(
        deps,
        { kind: "lead", id },
        async (tx) => {
          await noteAction(tx, { ...action(ax), ...what, leadId: id, receivedAt: at });
          return ax;
        },
        () => undefined,
        () => at,
      );
    const accept = { name: "accept", body: {} } as const;
    const everything = () =>
      rows(
        db.pool,
        sql`
      select to_jsonb(p) as process, (select count(*)::int from decision
        where subject_id = ${id}) as decisions,
        (select count(*)::int from answer where handoff_id = p.handoff_id) as answers,
        (select count(*)::int from effect where subject_id = ${id}) as effects
      from process p where subject_id = ${id}`,
      );
    const first = await decided("ax_3", accept, now);
    expect(first).toMatchObject({ done: true, stage: "sal" });
    const stands = await everything();
    expect(stands).toMatchObject([{ decisions: 1, answers: 1 }]);
    expect(await decided("ax_3", accept, now + 60_000)).toEqual(first);
    expect(await everything()).toEqual(stands);
    expect(await storedAction(db.pool, "ax_3", {})).toMatchObject({
      result: first,
      receivedAt: now,
    });

    // Another one that was meant for the same moment is refused, and its answer stands as well.
    const late = await decided("ax_4", { name: "reject", body: { reason: "wrong-role" } }, now);
    expect(late).toMatchObject({ done: false, code: "already-answered", stage: "sal" });
    expect(
      await decided("ax_4", { name: "reject", body: { reason: "wrong-role" } }, now + 60_000),
    ).toEqual(late);
    expect(await everything()).toEqual(stands);
  });
});

describe("a repeatable request", () => {
  const request = { caller: "tn_1", key: "k", route: "POST /leads", bodyHash: "h" };

  test("of twenty at once one is the first, the others are told that it runs", async () => {
    const claims = await Promise.all(
      Array.from({ length: 20 }, () => claimKey(db.pool, request, now)),
    );
    expect(claims.filter((one) => one.kind === "first")).toHaveLength(1);
    expect(claims.filter((one) => one.kind === "running")).toHaveLength(19);
  });

  test(
    "once answered gives the answer; another body or route is another request; another " +
      "caller's key is another key",
    async () => {
      const [response, headers] = [{ id: "ld_9" }, { location: "http://baton.test/leads/ld_9" }];
      await storeAnswers(db.pool, [{ request, status: 201, response, headers }]);
      expect(await claimKey(db.pool, request, now)).toEqual({
        kind: "done",
        status: 201,
        response,
        headers,
      });
      expect(await claimKey(db.pool, { ...request, bodyHash: "other" }, now)).toEqual({
        kind: "other-request",
      });
      expect(await claimKey(db.pool, { ...request, route: "POST /imports" }, now)).toEqual({
        kind: "other-request",
      });
      expect(await claimKey(db.pool, { ...request, caller: "tn_2" }, now)).toEqual({
        kind: "first",
      });
    },
  );

  test("given up it is a first attempt again; abandoned it is so after a while", async () => {
    const given = { ...request, key: "given" };
    await claimKey(db.pool, given, now);
    await releaseKey(db.pool, given);
    expect(await claimKey(db.pool, given, now)).toEqual({ kind: "first" });
    expect(await claimKey(db.pool, given, now + 14_999)).toEqual({ kind: "running" });
    expect(await claimKey(db.pool, given, now + 15_001)).toEqual({ kind: "first" });
  });
});

import { beforeEach, describe, expect, test } from "vitest";
import type { EffectMessage } from "../../../messages/message.ts";
import { leaderOf } from "../../../store/access/leaders.ts";
import { mayOpen, recipientsOf } from "../../../store/effects/mail-recipients.ts";
import { insertLead } from "../../support/lead-rows.ts";
import { withDatabase } from "../../support/database.ts";

const db = withDatabase({ empties: ["rep", "lead", "process", "handoff", "token", "login"] });

/**
 * Ann and Bob report to Mia, Mia to Vic; Max is a manager of nobody, Olga works in sales
 * operations.
 */
beforeEach(async () => {
  await db.pool.query(`insert into rep (id, name, email, role, manager_id, updated_at) values
    ('rp_vic', 'Vic', 'vic@x.test', 'manager', null, now()),
      ('rp_mia', 'Mia', 'mia@x.test', 'manager', 'rp_vic', now()),
    ('rp_max', 'Max', 'max@x.test', 'manager', null, now()),
      ('rp_ann', 'Ann', 'ann@x.test', 'rep', 'rp_mia', now()),
    ('rp_bob', 'Bob', 'bob@x.test', 'rep', 'rp_mia', now()),
      ('rp_olga', 'Olga', 'olga@x.test', 'sales-ops', null, now())`);
});

const leaves = (...ids: string[]) =>
  db.pool.query("update rep set active = false where id = any($1)", [ids]);
const readers = async (message: EffectMessage) =>
  (await recipientsOf(db.pool, message)).map((one) =>
    one.kind === "person"
      ? one.id
      : `nobody is ${one.role}${one.meantFor === null ? "" : ` (${one.meantFor})`}`,
  );
const stalled: EffectMessage = { what: "stalled", repId: "rp_ann", because: "quiet" };
const contested = (managerId: string | null): EffectMessage => ({
  what: "contested",
  repId: "rp_ann",
  managerId,
  reason: "wrong-role",
  dueAt: 0,
});
const offer: EffectMessage = {
  what: "offer",
  repId: "rp_ann",
  stage: "mql",
  clock: null,
  dueAt: null,
  again: false,
};
const queue = (name: string): EffectMessage => ({
  what: "fallback-queue",
  queue: name,
  dueAt: null,
});

describe("a message goes to active people only", () => {
  test("the rep it is written to; the operator finds it when the rep has left", async () => {
    expect(await readers(offer)).toEqual(["rp_ann"]);
    await leaves("rp_ann");
    expect(await readers(offer)).toEqual(["nobody is sales-ops (rp_ann)"]);
  });

  test(
    "the manager of the rep it is about, else the first active one above, else every manager, " +
      "else the office",
    async () => {
      expect(await readers(stalled)).toEqual(["rp_mia"]);
      await leaves("rp_mia");
      expect(await readers(stalled)).toEqual(["rp_vic"]);
      await leaves("rp_vic");
      expect(await readers(stalled)).toEqual(["rp_max"]);
      await leaves("rp_max");
      // With no manager left the office is asked, which sees every task.
      expect(await readers(stalled)).toEqual(["rp_olga"]);
      await leaves("rp_olga");
      expect(await readers(stalled)).toEqual(["nobody is sales-ops"]);
    },
  );

  test("a rep who has left still has a manager, and is not asked in the manager's place", async () => {
    await leaves("rp_ann");
    expect(await readers(stalled)).toEqual(["rp_mia"]);
    expect(await readers({ ...stalled, repId: null })).toEqual(["rp_max", "rp_mia", "rp_vic"]);
  });

  test("managers in a circle are each asked once", async () => {
    await db.pool.query("update rep set manager_id = 'rp_mia' where id = 'rp_vic'");
    await leaves("rp_mia", "rp_vic");
    expect(await readers(stalled)).toEqual(["rp_max"]);
  });

  test("a contested rejection goes to the manager who has the task, else upwards from there", async () => {
    expect(await readers(contested("rp_vic"))).toEqual(["rp_vic"]);
    expect(await readers(contested("rp_mia"))).toEqual(["rp_mia"]);
    await leaves("rp_mia");
    expect(await readers(contested("rp_mia"))).toEqual(["rp_vic"]);
    expect(await readers(contested(null))).toEqual(["rp_vic"]);
  });

  test(
    "a queue is a role, also by the name that the agreement gives it; an empty one is kept for " +
      "the operator",
    async () => {
      expect(await readers(queue("sales-ops"))).toEqual(["rp_olga"]);
      expect(await readers(queue("sales-operations"))).toEqual(["rp_olga"]);
      expect(await readers(queue("night-shift"))).toEqual(["nobody is night-shift"]);
      await leaves("rp_olga");
      expect(await readers(queue("sales-ops"))).toEqual(["nobody is sales-ops"]);
    },
  );
});

describe("a page is linked for those who may open it", () => {
  beforeEach(async () => {
    await insertLead(db.pool, new Date(), {
      id: "ld_1",
      stage: "mql",
      waiting_on: "outreach",
      owner_id: "rp_ann",
    });
  });
  const open = async (message: EffectMessage) => {
    const [reader] = await recipientsOf(db.pool, message);
    if (!reader) throw new Error("nobody");
    return mayOpen(db.pool, { kind: "lead", id: "ld_1" }, reader);
  };

  test.each<[string, EffectMessage, boolean]>([
    ["the rep who has it", offer, true],
    ["another rep", { ...offer, repId: "rp_bob" }, false],
    ["the rep's manager", stalled, true],
    ["a manager of another team", contested("rp_max"), false],
    ["sales operations", queue("sales-ops"), true],
    ["the operator, for a role that nobody fills", queue("night-shift"), true],
  ])("%s", async (_, message, may) => {
    expect(await open(message)).toBe(may);
  });
});

describe("who leads a party", () => {
  const asked: EffectMessage = {
    what: "signature-asked",
    versionId: "ag_1",
    number: 2,
    needed: 2,
    changes: [],
    more: 0,
  };
  const token = (repId: string, party: string, more: { expires?: string; revoked?: string } = {}) =>
    db.pool.query(
      "insert into token (id, hash, role, rep_id, party, label, created_at, expires_at, revoked_at) " +
        "values ($1, $1, 'leader', $2, $3, 'test', now(), $4, $5)",
      [`tn_${repId}_${party}`, repId, party, more.expires ?? null, more.revoked ?? null],
    );
  const login = (repId: string, party: string) =>
    db.pool.query(
      "insert into login (id, role, rep_id, party, label, created_at) " +
        "values ($1, 'leader', $2, $3, 'test', now())",
      [`lg_${repId}`, repId, party],
    );

  test("is asked to sign, whether by a token or by a login", async () => {
    await token("rp_vic", "sales");
    await login("rp_olga", "marketing");
    expect(await readers(asked)).toEqual(["rp_olga", "rp_vic"]);
    expect(await leaderOf(db.pool, "sales")).toBe("rp_vic");
    expect(await leaderOf(db.pool, "marketing")).toBe("rp_olga");
  });

  test("is nobody whose token has run out or was revoked, nor who has left", async () => {
    await token("rp_vic", "sales");
    await token("rp_mia", "sales", { expires: "2020-01-01" });
    await token("rp_max", "sales", { revoked: "2020-01-01" });
    await login("rp_olga", "sales");
    await leaves("rp_olga");
    expect(await leaderOf(db.pool, "sales")).toBe("rp_vic");
    await leaves("rp_vic");
    expect(await leaderOf(db.pool, "sales")).toBeNull();
  });
});

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agreementOf } from "../../../agreement/stored.ts";
import { verifyDecisions } from "../../../cli/commands/verify.ts";
import type { Subject } from "../../../handoff/process/words.ts";
import { lookAtAccounts } from "../../../store/accounts/look.ts";
import { mergeAccounts } from "../../../store/accounts/merge.ts";
import { takeIn } from "../../../store/intake/intake.ts";
import { firstRow, inTransaction, rows, sql } from "../../../store/postgres/db.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { take, takeRoute, type TakeDeps } from "../../../store/process/take.ts";
import { routingDispatcher } from "../../../store/routing/dispatcher.ts";
import { editRoster } from "../../../store/routing/roster-edit.ts";
import { goodFacts } from "../../support/lead-world.ts";
import { flaggedAccount } from "../../support/flagged-account.ts";
import { exampleAgreement, peopleWorld, type PeopleWorld } from "../../support/people-world.ts";

const minute = 60_000;
const hour = 60 * minute;
let world: PeopleWorld;
let deps: TakeDeps;
beforeAll(async () => {
  world = await peopleWorld({
    agreement: exampleAgreement.replace("owners: keep", "owners: ignore"),
  });
  const { pool, pools } = world;
  const agreements = createAgreements(agreementOf);
  deps = { pool, agreements, dispatcher: routingDispatcher(pools.routing) };
});
afterAll(() => world.close());

let companies = 0;
const company = () => `company-${(companies += 1)}.com`;
const ask = (subject: Subject) => ({
  subject,
  key: `test/${randomBytes(8).toString("hex")}`,
  now: world.now(),
  by: "process" as const,
});
const lead = (id: string): Subject => ({ kind: "lead", id });
const account = (id: string): Subject => ({ kind: "account", id });

/** Somebody of the company asks for a demo: judged, and routed; gives the lead. */
async function qualified(email: string): Promise<string> {
  world.setNow(world.now() + minute);
  const [now, domain] = [world.now(), email.split("@")[1]!];
  const { agreement } = (await deps.agreements.active(world.pool))!;
  const facts = { ...goodFacts, "account.domain": domain };
  const did = { messageId: randomBytes(8).toString("hex"), type: "demo_request" };
  const [taken] = await inTransaction(world.pool, (tx) =>
    takeIn(tx, [{ email, facts, engagements: [{ ...did, occurredAt: now - 1_000 }] }], {
      now,
      from: "form",
      lane: 1,
      agreement,
    }),
  );
  if (!taken || !("leadId" in taken)) throw new Error(JSON.stringify(taken));
  const { leadId } = taken;
  expect(await take(deps, ask(lead(leadId)), { kind: "engaged" })).toMatchObject({ stage: "mql" });
  await takeRoute(deps, ask(lead(leadId)));
  return leadId;
}

async function ownerOf(id: string): Promise<string | null> {
  const row = await firstRow<{ owner_id: string | null }>(
    world.pool,
    sql`select owner_id from process where subject_id = ${id}`,
  );
  return row?.owner_id ?? null;
}
const absent = async (ids: readonly string[], isAway: boolean) => {
  const from = world.now();
  const away = isAway ? [{ from, to: from + hour, reason: "x" }] : [];
  const absences = Object.fromEntries(ids.map((id) => [id, away]));
  await inTransaction(world.pool, (tx) => editRoster(tx, { absences }, from));
};

test("people of a company that is not handed off go by turn", async () => {
  const domain = company();
  const owners = [];
  for (const name of ["a", "b"]) owners.push(await ownerOf(await qualified(`${name}@${domain}`)));
  expect(new Set(owners)).toEqual(new Set(["rp_one", "rp_two"]));
});

test("people of one that is handed off reach its rep, in every round, and cost nobody a turn", async () => {
  const domain = company();
  const { id, rep } = await flaggedAccount(world, domain);
  const ids = [];
  for (const name of ["a", "b", "c", "new"]) ids.push(await qualified(`${name}@${domain}`));
  for (const one of ids) expect(await ownerOf(one)).toBe(`rp_${rep}`);
  const given = await rows<{ via: string; of: string; turns: number }>(
    world.pool,
    sql`select distinct s.via, own.subject_id as of, (select count(*)::int from credit_entry c
        where c.handoff_id = h.id) as turns
      from handoff h join assignment s on s.handoff_id = h.id
        join handoff own on own.id = h.account_handoff_id
      where h.subject_id = any(${ids}::text[])`,
  );
  expect(given).toEqual([{ via: "owner", of: id, turns: 0 }]);
  // Its rep leaves: who has the account next has its people.
  const other = rep === "one" ? "two" : "one";
  const reassigned = await world.ask("POST", `/accounts/${id}/reassign`, {
    as: "boss",
    body: { to: `rp_${other}` },
  });
  expect(reassigned.status).toBe(200);
  expect(await ownerOf(await qualified(`later@${domain}`))).toBe(`rp_${other}`);
});

test("an account and its people on hold are released to one person", async () => {
  const [domain, before] = [company(), world.now()];
  await absent(["rp_one", "rp_two"], true);
  const { id } = await flaggedAccount(world, domain);
  const ids = [id, await qualified(`a@${domain}`), await qualified(`b@${domain}`)];
  expect(await Promise.all(ids.map(ownerOf))).toEqual([null, null, null]);
  const free = [await qualified(`x@${company()}`), await qualified(`y@${company()}`)];
  world.setNow(before + 2 * hour);
  await absent(["rp_one", "rp_two"], false);
  await takeRoute(deps, ask(account(id)));
  for (const one of [...ids.slice(1), ...free]) await takeRoute(deps, ask(lead(one)));
  const owners = await Promise.all(ids.map(ownerOf));
  expect(owners[0]).not.toBeNull();
  expect(new Set(owners).size).toBe(1);
  // The others had their turns.
  expect(new Set(await Promise.all([...ids, ...free].map(ownerOf))).size).toBe(2);
});

test("who was first of those that belong to it has the account; a survivor's handoff goes on with who had it", async () => {
  const domain = company();
  await absent(["rp_one", "rp_two"], true);
  const { id } = await flaggedAccount(world, domain);
  const first = await qualified(`a@${domain}`);
  world.setNow(world.now() + hour);
  await absent(["rp_one", "rp_two"], false);
  await takeRoute(deps, ask(lead(first)));
  const rep = await ownerOf(first);
  await takeRoute(deps, ask(account(id)));
  expect(rep).not.toBeNull();
  expect(await ownerOf(id)).toBe(rep);

  // Whose turn it would be is the other one.
  await qualified(`z@${company()}`);
  const survivor = company();
  await inTransaction(world.pool, async (tx) => {
    await tx.query(sql`
      insert into account (id, domain, facts, created_at)
      select 'ac_survivor', ${survivor}, facts, created_at from account where id = ${id}`);
    const merged = await mergeAccounts(
      tx,
      { survivorId: "ac_survivor", loserId: id, by: "test" },
      world.now(),
    );
    expect(merged).toMatchObject({ done: true });
  });
  await take(deps, ask(account(id)), { kind: "facts" });
  world.setNow(world.now() + minute);
  await lookAtAccounts({ pool: world.pool, agreements: deps.agreements }, world.now());
  await take(deps, ask(account("ac_survivor")), { kind: "arrived" });
  await takeRoute(deps, ask(account("ac_survivor")));
  expect(await ownerOf("ac_survivor")).toBe(rep);
});

test("every decision is taken the same again", async () => {
  const { judged, routings, differences } = await verifyDecisions(world.pool);
  expect(differences).toEqual([]);
  expect(Math.min(judged, routings)).toBeGreaterThan(10);
});

test("whoever is given a company at night gets its leads that wait for the opening, at once", async () => {
  const domain = company();
  // Tuesday, 22:00 in New York: nobody is in hours.
  const day = world.now();
  world.setNow(Date.parse("2026-12-09T03:00:00Z"));
  const { id } = await flaggedAccount(world, domain);
  const part = await qualified(`night@${domain}`);
  const other = await qualified(`night@${company()}`);
  const waits = () =>
    rows<{ id: string; waiting: string }>(
      world.pool,
      sql`select subject_id as id, waiting_on as waiting from process
        where subject_id = any(${[id, part, other]}) order by subject_id`,
    );
  expect((await waits()).map(({ waiting }) => waiting)).toEqual(["hold", "hold", "hold"]);
  world.setNow(world.now() + minute);
  const given = await world.ask("POST", `/accounts/${id}/reassign`, {
    as: "boss",
    body: { to: "rp_two" },
  });
  expect(given.status).toBe(200);
  const told = await rows<{ workflow_id: string }>(
    world.pool,
    sql`select workflow_id from outbox where message = 'rosterChanged' and payload ->> 'id' = any(${[part, other]})`,
  );
  expect(told).toEqual([{ workflow_id: `lead/${part}` }]);
  // What its process asks for then.
  await take(deps, ask(lead(part)), { kind: "roster" });
  await takeRoute(deps, ask(lead(part)));
  expect([await ownerOf(id), await ownerOf(part), await ownerOf(other)]).toEqual([
    "rp_two",
    "rp_two",
    null,
  ]);
  world.setNow(Math.max(day, world.now()));
});

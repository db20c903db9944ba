import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyDecisions } from "../../cli/commands/verify.ts";
import { firstRow, rows, sql } from "../../store/postgres/db.ts";
import { accountConservation } from "../../store/reports/account-conservation.ts";
import { flaggedAccount } from "../support/flagged-account.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { tracesIn } from "../support/traces.ts";

const words = ["Quillfeather", "after her wedding"];
const note = "Spoke to Ms Quillfeather";
let world: PeopleWorld;
const accounts: Record<"named" | "other", { id: string; rep: "one" | "two" }> = {
  named: { id: "", rep: "one" },
  other: { id: "", rep: "one" },
};
beforeAll(async () => {
  world = await peopleWorld();
  accounts.named = await flaggedAccount(world, "named-company.com");
  accounts.other = await flaggedAccount(world, "other-company.com");
});
afterAll(() => world.close());

async function act(of: keyof typeof accounts, place: string, body: object, as?: "boss") {
  world.setNow(world.now() + 60_000);
  const { id, rep } = accounts[of];
  return world.ask("POST", `/accounts/${id}/${place}`, {
    as: as ?? rep,
    body,
    headers: { "idempotency-key": `${of}-${place}` },
  });
}
const people = (of: keyof typeof accounts) =>
  rows<{ id: string }>(
    world.pool,
    sql`select id from lead where account_id = ${accounts[of].id} order by id`,
  );
const answersOf = (of: keyof typeof accounts) =>
  rows<Record<string, unknown>>(
    world.pool,
    sql`select a.kind, a.reason, a.note, a.timeline from answer a join handoff h
      on h.id = a.handoff_id where h.subject_id = ${accounts[of].id} order by a.received_at`,
  );
const taken = () =>
  firstRow<{ n: number }>(
    world.pool,
    sql`select count(*)::int as n from decision where subject_id = ${accounts.named.id}`,
  );

test("notes about an account are kept while its people are known", async () => {
  for (const of of ["named", "other"] as const) {
    const said = of === "named" ? note : "Spoke to the front desk";
    const outreach = { channel: "call", outcome: "connected", note: said };
    expect((await act(of, "outreach", outreach)).status).toBe(200);
    const accept = { timeline: of === "named" ? "after her wedding" : "in spring", note: said };
    expect((await act(of, "accept", accept)).status).toBe(200);
  }
  const to = accounts.named.rep === "one" ? "two" : "one";
  const given = await act("named", "reassign", { to: `rp_${to}`, note }, "boss");
  expect([given.status, given.body.owner]).toEqual([200, `rp_${to}`]);
  accounts.named.rep = to;
  expect(await answersOf("named")).toMatchObject([{ kind: "accept", note }]);
  // Of a version before accounts were handed off: a person ended the flag in words of their own.
  await world.pool.query(sql`
    insert into task (id, kind, subject_kind, subject_id, role, since, state, done_at, done_by,
      done_how, detail)
    values ('tk_1', 'account-engaged', 'account', ${accounts.named.id}, 'manager', now(), 'done',
      now(), 'rp_boss', ${note}, '{}')`);
  await world.pool.query(sql`
    insert into account_flag (id, account_id, agreement_id, tier, contacts, trace, raised_at,
      ended_at, ended_how, ended_by)
    values ('af_1', ${accounts.named.id}, 'ag_1', 1, 3, '[]', '2026-01-01', '2026-01-02', ${note},
      'rp_boss')`);
});

test("with one of its people they go, whoever wrote them; nothing that was decided changes", async () => {
  const before = await taken();
  const [first] = await people("named");
  // One who was put at another company since is of this one all the same.
  const moved = await world.ask("POST", `/leads/${first!.id}/move-account`, {
    body: { account: accounts.other.id },
  });
  expect(moved.status).toBe(200);
  expect((await tracesIn(world.pool, words)).length).toBeGreaterThan(6);
  expect((await world.ask("DELETE", `/people/${first!.id}`)).status).toBe(202);
  expect(await tracesIn(world.pool, words)).toEqual([]);
  expect(await answersOf("named")).toEqual([
    { kind: "accept", reason: null, note: null, timeline: null },
  ]);
  expect(await taken()).toEqual(before);
  const { judged, differences } = await verifyDecisions(world.pool);
  expect(differences).toEqual([]);
  expect(judged).toBeGreaterThan(8);
  const conserved = await accountConservation(world.pool);
  expect(conserved).toMatchObject({ handedOff: 2, open: 2, residue: 0, astray: { count: 0 } });
  // It goes on.
  expect((await act("named", "advance", {})).body).toMatchObject({ stage: "sql" });
});

test("notes about a company that none of its people left stay", async () => {
  const third = await flaggedAccount(world, "third-company.com");
  accounts.other = third;
  expect((await act("other", "accept", { note: "They want a quote" })).status).toBe(200);
  const [one] = await people("named");
  expect((await world.ask("DELETE", `/people/${one!.id}`)).status).toBe(202);
  expect(await answersOf("other")).toMatchObject([{ kind: "accept", note: "They want a quote" }]);
});

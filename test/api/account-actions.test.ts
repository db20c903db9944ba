import { afterAll, beforeAll, expect, test } from "vitest";
import { firstRow, rows, sql } from "../../store/postgres/db.ts";
import { flaggedAccount } from "../support/flagged-account.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";

let world: PeopleWorld;
let id: string;
let rep: "one" | "two";
beforeAll(async () => {
  world = await peopleWorld();
  ({ id, rep } = await flaggedAccount(world));
});
afterAll(() => world.close());
function act(place: string, body: unknown, as: "one" | "two" | "other" | "boss", key?: string) {
  // Each a minute after the one before.
  world.setNow(world.now() + 60_000);
  return world.ask("POST", `/accounts/${id}/${place}`, {
    as,
    body,
    ...(key === undefined ? {} : { headers: { "idempotency-key": key } }),
  });
}

test("its rep finds it in the queue and on its page, with what can be done now", async () => {
  const { body } = await world.ask("GET", "/queue", { as: rep });
  expect(body.items).toMatchObject([
    {
      kind: "account",
      id,
      account: id,
      lead: null,
      company: "Acme Ltd",
      waitingOn: "outreach",
      leadType: "account-flag",
      why: expect.stringMatching(/^3 people engaged; band/),
      url: `http://baton.test/accounts/${id}`,
    },
  ]);
  const { body: page } = await world.ask("GET", `/accounts/${id}`, { as: rep });
  expect(page.handoff).toMatchObject({ stage: "mql", owner: `rp_${rep}`, seen: { round: 1 } });
  expect(page.handoff.actions).toContainEqual({
    action: "accept",
    url: `http://baton.test/accounts/${id}/accept`,
  });
  expect(body.items[0].actions).toEqual(
    page.handoff.actions.map(({ action: name, url }: { action: string; url: string }) => ({
      name,
      url,
    })),
  );
  expect(page.handoffs).toMatchObject([{ lead: null, partOf: null, state: "open" }]);
  // Past its deadline it is counted, and not among leads.
  const figures = async () => (await world.ask("GET", "/metrics", { as: null })).body as string;
  expect(await figures()).toMatch(/^baton_accounts_overdue 0$/m);
  const now = world.now();
  world.setNow(now + 10 * 86_400_000);
  expect(await figures()).toMatch(/^baton_accounts_overdue 1$/m);
  expect(await figures()).toMatch(/^baton_leads_overdue 0$/m);
  world.setNow(now);
  // A colleague finds neither.
  const colleague = rep === "one" ? "two" : "one";
  expect((await world.ask("GET", "/queue", { as: colleague })).body.items).toEqual([]);
  expect((await world.ask("GET", `/accounts/${id}`, { as: colleague })).status).toBe(404);
  expect((await world.ask("GET", `/accounts/${id}`, { as: "other" })).status).toBe(404);
});

test("what was said wrong is refused with its field, and what is no action of an account is none", async () => {
  expect((await act("reject", { reason: "no-mood" }, rep)).body).toMatchObject({
    status: 422,
    code: "refused",
    field: "reason",
    rule: "not-a-reason",
  });
  expect((await act("outreach", { channel: "pigeon" }, rep)).body).toMatchObject({
    status: 422,
    field: "channel",
  });
  expect((await act("review-decision", { decision: "keep" }, "boss")).status).toBe(404);
  expect((await act("accept", {}, "other")).status).toBe(404);
  expect((await act("reassign", { to: "rp_two" }, rep)).status).toBe(403);
  expect(
    await rows(world.pool, sql`select from action where account_id = ${id} and settled_at is null`),
  ).toEqual([]);
});

test("its clocks are told interval by interval, and add up to the second", async () => {
  const { status, body } = await world.ask("GET", `/accounts/${id}/clocks`, { as: rep });
  expect(status).toBe(200);
  expect(
    body.clocks.map((one: { kind: string; rep: string | null }) => [one.kind, one.rep]),
  ).toEqual([
    ["outreach", `rp_${rep}`],
    ["outreach", null],
    ["status", `rp_${rep}`],
    ["status", null],
  ]);
  for (const clock of body.clocks) {
    const rows = clock.ledger.filter(({ kind }: { kind: string }) => kind === "counted");
    const ms = rows.reduce(
      (sum: number, row: { from: string; to: string }) =>
        sum + Date.parse(row.to) - Date.parse(row.from),
      0,
    );
    expect(clock.target).toBe(clock.kind === "outreach" ? "48 hours" : "5 business days");
    expect(clock.inWords).toContain(
      clock.kind === "outreach" ? "48 hours" : "the fifth business day",
    );
    if (clock.kind === "outreach")
      expect(Date.parse(clock.due) - Date.parse(clock.startedAt)).toBe(48 * 3_600_000);
    expect(rows.at(-1)?.total ?? "PT0S").toBe(clock.used);
    expect(ms).toBe(durationMs(clock.used));
  }
  expect((await world.ask("GET", `/accounts/${id}/clocks`, { as: "other" })).status).toBe(404);
  expect((await world.ask("GET", "/accounts/ac_nobody/clocks", { as: "operator" })).status).toBe(
    404,
  );
});

/** "PT1H2M3.5S" in milliseconds. */
function durationMs(text: string): number {
  const [, h = 0, m = 0, s = 0] =
    /^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(text)?.map((part) => Number(part ?? 0)) ?? [];
  return (h * 60 + m) * 60_000 + s * 1_000;
}

test("a manager gives it to somebody else, who reaches out and accepts it once", async () => {
  const to = rep === "one" ? "two" : "one";
  const given = await act("reassign", { to: `rp_${to}` }, "boss");
  expect([given.status, given.body.owner]).toEqual([200, `rp_${to}`]);
  expect((await act("accept", {}, rep)).body.code).toBe("not-yours");
  expect((await act("outreach", { channel: "email" }, to)).body).toMatchObject({
    waitingOn: "answer",
    onTime: true,
  });
  const first = await act("accept", {}, to, "once");
  expect(first.body).toMatchObject({ stage: "sal", action: expect.stringMatching(/^ax_/) });
  expect((await act("accept", {}, to, "once")).body).toEqual(first.body);
  expect((await act("accept", {}, to)).body).toMatchObject({
    code: "not-possible-now",
    state: { id, stage: "sal" },
    detail: expect.stringContaining("the account is sal"),
  });
  expect((await act("advance", {}, to)).body).toMatchObject({ stage: "sql" });
  expect((await act("advance", {}, to)).status).toBe(422);
  expect((await act("hand-back", {}, to)).body).toMatchObject({ stage: "disqualified" });
  expect(
    await firstRow(
      world.pool,
      sql`select ended_how, ended_by from account_flag where account_id = ${id}`,
    ),
  ).toEqual({ ended_how: "handed back", ended_by: `rp_${to}` });
});

test("reports count it apart from leads, by the tier that it was flagged with", async () => {
  const from = new Date(world.now() - 86_400_000).toISOString();
  const to = new Date(world.now() + 1).toISOString();
  const rows = async (query: string) =>
    (
      await world.ask("GET", `/reports/acceptance?from=${from}&to=${to}&${query}`, {
        as: "marketing",
      })
    ).body.rows;
  expect(await rows("")).toEqual([]);
  expect(await rows("subject=account&groupBy=tier")).toMatchObject([
    { group: "1", handedOff: 1, accepted: 1 },
  ]);
  expect(await rows("groupBy=subject")).toMatchObject([{ group: "account", handedOff: 1 }]);
});

test("an account that was never flagged has no handoff to act on", async () => {
  await world.pool.query("insert into account (id, created_at) values ('ac_never', now())");
  const answer = await world.ask("POST", "/accounts/ac_never/accept", { body: {} });
  expect([answer.status, answer.body.code]).toEqual([409, "conflict"]);
});

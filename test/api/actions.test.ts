import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectTemporal } from "../../api/temporal.ts";
import { firstRow, rows, sql } from "../../store/postgres/db.ts";
import { createToken } from "../../store/access/tokens.ts";
import type { Standing } from "../../handoff/process/words.ts";
import { pino } from "pino";
import { agreementOf } from "../../agreement/stored.ts";
import { createApp } from "../../api/app.ts";
import type { Routes } from "../../api/deps.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";
import { tracesIn } from "../support/traces.ts";
import { temporalServer } from "../support/world.ts";

/**
 * The API against real processes: a worker and a relay in this process, the run's Temporal server.
 */
let world: LeadWorld;
let app: Routes;
let closeTemporal: () => Promise<void>;
const tokens = new Map<string, string>();
let accounts = 0;

beforeAll(async () => {
  world = await leadWorld();
  const server = await temporalServer();
  const temporal = connectTemporal({ address: server.address, namespace: server.namespace });
  closeTemporal = () => temporal.close();
  app = createApp({
    ...world.pools,
    agreements: createAgreements(agreementOf),
    temporal,
    clock: Date.now,
    publicUrl: "http://baton.test",
    log: pino({ level: "silent" }),
  });
  tokens.set(
    "operator",
    (await createToken(world.pool, { role: "operator", label: "test" }, Date.now())).secret,
  );
  tokens.set(
    "rp_boss",
    (
      await createToken(
        world.pool,
        { role: "manager", repId: "rp_boss", label: "test" },
        Date.now(),
      )
    ).secret,
  );
  for (const repId of ["rp_one", "rp_two", "rp_three"])
    tokens.set(
      repId,
      (await createToken(world.pool, { role: "rep", repId, label: "test" }, Date.now())).secret,
    );
});
afterAll(async () => {
  await closeTemporal?.();
  await world?.close();
});

// oxlint-disable-next-line typescript/no-explicit-any -- a test looks into whatever came back
type Body = Record<string, any>;

async function ask(as: string, method: string, path: string, body?: unknown, key?: string) {
  const response = await app.request(path, {
    method,
    headers: {
      authorization: `Bearer ${tokens.get(as)}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(key === undefined ? {} : { "idempotency-key": key }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Body,
  };
}

/**
 * Asks as a client does who heeds Retry-After: a request that was cut off may still be under way.
 */
async function patiently(again: () => ReturnType<typeof ask>): ReturnType<typeof ask> {
  for (let n = 0; ; n++) {
    const answer = await again();
    const wait = answer.headers.get("retry-after");
    if (wait === null || n === 10) return answer;
    await new Promise((resolve) => setTimeout(resolve, Number(wait) * 1_000));
  }
}

/**
 * A lead that has been put before a rep; each of its own account, for an opportunity of one
 * suppresses the others.
 */
async function offered(): Promise<{ id: string; rep: string }> {
  const id = await world.arrive({ facts: { "account.domain": `account-${++accounts}.com` } });
  const lead = await world.until(id, (row) => row.stage === "mql" && row.owner_id !== null);
  return { id, rep: lead.owner_id ?? "" };
}

const actionsOf = (leadId: string) =>
  rows<{ id: string; name: string; result: { done: boolean } | null }>(
    world.pool,
    sql`select id, name, result from action where lead_id = ${leadId} order by received_at`,
  );

describe("a rep works a lead", () => {
  test("outreach, accept, SQL and opportunity, each answered with where the lead stands then", async () => {
    const { id, rep } = await offered();
    const page = await ask(rep, "GET", `/leads/${id}`);
    expect(page.body).toMatchObject({
      stage: "mql",
      waitingOn: "outreach",
      owner: { id: rep },
      overdue: false,
      handoff: { leadType: "demo-request", path: "fast" },
    });
    expect(page.body.actions.map((one: { name: string }) => one.name)).toEqual([
      "logOutreach",
      "accept",
      "reject",
      "handBack",
      "pause",
      "resume",
    ]);
    expect(
      page.body.clocks
        .map(
          (clock: { kind: string; scope: string; state: string }) =>
            `${clock.kind}/${clock.scope}/${clock.state}`,
        )
        .toSorted(),
    ).toEqual([
      "outreach/lead/running",
      "outreach/rep/running",
      "status/lead/running",
      "status/rep/running",
    ]);

    expect(
      await ask(rep, "POST", `/leads/${id}/outreach`, { channel: "call", outcome: "connected" }),
    ).toMatchObject({ status: 200, body: { id, stage: "mql", waitingOn: "answer", onTime: true } });
    expect(
      await ask(rep, "POST", `/leads/${id}/accept`, {
        fitRating: 4,
        buyingSignals: ["budget-named"],
        timeline: "this quarter",
      }),
    ).toMatchObject({ status: 200, body: { stage: "sal", owner: rep, onTime: true } });
    expect(await ask(rep, "POST", `/leads/${id}/advance`)).toMatchObject({
      status: 200,
      body: { stage: "sql", waitingOn: "opportunity" },
    });
    expect(
      await ask(rep, "POST", `/leads/${id}/advance`, { amountMinor: 250_000, currency: "EUR" }),
    ).toMatchObject({ status: 200, body: { stage: "opportunity", waitingOn: "nothing" } });

    const history = await ask("operator", "GET", `/leads/${id}/history?limit=100`);
    const kinds = new Set(history.body.items.map((entry: { kind: string }) => entry.kind));
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        "action",
        "assignment",
        "clock",
        "decision",
        "effect",
        "engagement",
        "transition",
      ]),
    );
    const stages = history.body.items
      .filter((entry: { kind: string }) => entry.kind === "transition")
      .map((entry: { what: string }) => entry.what);
    expect(stages.slice(-4)).toEqual(["mql", "sal", "sql", "opportunity"]);
    const route = history.body.items.find((entry: { kind: string }) => entry.kind === "assignment");
    expect(route.detail.candidates).not.toHaveLength(0);
    const decided = history.body.items.filter(
      (entry: { kind: string }) => entry.kind === "decision",
    );
    expect(decided.map((entry: { what: string }) => entry.what)).toEqual(
      expect.arrayContaining(["arrived", "routed", "logOutreach", "accept", "advance"]),
    );
    expect(
      decided.find((entry: { what: string }) => entry.what === "arrived").detail,
    ).toMatchObject({
      event: { kind: "arrived" },
      because: "demo-request holds; band A",
      found: { qualification: { verdict: "hand-off" } },
      answer: null,
    });
    expect(decided.find((entry: { what: string }) => entry.what === "accept").detail).toMatchObject(
      {
        event: { kind: "action", action: { name: "accept", by: rep } },
        because: "accepted",
        answer: { done: true, stage: "sal", owner: rep },
      },
    );
  });

  test("what comes after the end is told that it is the end", async () => {
    const { id, rep } = await offered();
    await ask(rep, "POST", `/leads/${id}/reject`, { reason: "unsupported-use-case" });
    await world.until(id, (row) => row.stage === "disqualified");
    const late = await ask("operator", "POST", `/leads/${id}/accept`);
    expect(late).toMatchObject({
      status: 409,
      body: {
        code: "not-possible-now",
        state: { id, stage: "disqualified", waitingOn: "nothing" },
      },
    });
  });

  test("of two that conflict one wins, and the other is told what stands", async () => {
    const { id, rep } = await offered();
    const answers = await Promise.all(
      ["unsupported-use-case", "wrong-role"].map((reason) =>
        ask(rep, "POST", `/leads/${id}/reject`, { reason }),
      ),
    );
    expect(answers.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    const lost = answers.find((one) => one.status === 409);
    expect(lost?.body.state.id).toBe(id);
    expect(
      await rows(
        world.pool,
        sql`
          select kind from answer
            where handoff_id = (select id from handoff where subject_id = ${id} order by cycle
            limit 1)`,
      ),
    ).toHaveLength(1);
  });

  test("somebody whose lead went to another is told so, and changes nothing", async () => {
    const { id, rep } = await offered();
    const to = ["rp_one", "rp_two", "rp_three"].find((one) => one !== rep) ?? "";
    expect((await ask("rp_boss", "POST", `/leads/${id}/reassign`, { to })).status).toBe(200);
    await world.until(id, (row) => row.owner_id === to);
    expect(await ask(rep, "POST", `/leads/${id}/accept`)).toMatchObject({
      status: 409,
      body: { code: "not-yours", state: { owner: to, stage: "mql" } },
    });
    expect(await ask(to, "POST", `/leads/${id}/accept`)).toMatchObject({
      status: 200,
      body: { stage: "sal" },
    });
  });

  test("the manager decides on a contested rejection", async () => {
    const { id, rep } = await offered();
    expect(
      await ask(rep, "POST", `/leads/${id}/reject`, { reason: "no-intent-signals" }),
    ).toMatchObject({ status: 200, body: { stage: "mql", waitingOn: "manager" } });
    const task = (await ask("rp_boss", "GET", "/tasks?kind=contested")).body.items.find(
      (one: { subject: { id: string } }) => one.subject.id === id,
    );
    expect(task).toMatchObject({ kind: "contested", endsBy: "POST /leads/{id}/contest-decision" });
    expect(
      (await ask("rp_boss", "POST", `/tasks/${task.id}/done`, { how: "talked" })).body.code,
    ).toBe("conflict");
    expect(
      await ask("rp_boss", "POST", `/leads/${id}/contest-decision`, { decision: "uphold" }),
    ).toMatchObject({ status: 200, body: { stage: "renurture" } });
  });
});

describe("refusals leave nothing but the audit trail", () => {
  test("refused by where the lead stands: 409 with the state, the same key gives it again", async () => {
    const { id, rep } = await offered();
    // What the CRM sync adds meanwhile is left out.
    const standing = () =>
      firstRow(
        world.pool,
        sql`
          select to_jsonb(l) - 'crm_id' as lead, (select count(*) from decision
            where subject_id = l.id) as decisions from lead_standing l where id = ${id}`,
      );
    const before = await standing();
    const first = await ask(rep, "POST", `/leads/${id}/advance`, {}, "too-early");
    expect(first).toMatchObject({
      status: 409,
      body: { code: "not-possible-now", state: { stage: "mql" } },
    });
    expect((await ask(rep, "POST", `/leads/${id}/advance`, {}, "too-early")).body).toEqual(
      first.body,
    );
    expect(await standing()).toEqual(before);
    expect(await rows(world.pool, sql`select what from audit where subject = ${id}`)).toEqual([
      { what: "action.refused" },
    ]);
  });

  test.each([
    ["not ready", { reason: "not ready" }, "reason", "refused"],
    ["an unlisted reason", { reason: "bad vibes" }, "reason", "refused"],
    ["no reason", {}, "reason", "invalid"],
    ["a dated reason without a date", { reason: "dated-timing" }, "revisitOn", "refused"],
    [
      "a date that does not exist",
      { reason: "dated-timing", revisitOn: "2027-02-30" },
      "revisitOn",
      "invalid",
    ],
    [
      "a date in the past",
      { reason: "dated-timing", revisitOn: "2020-01-01" },
      "revisitOn",
      "refused",
    ],
    ["a rating beyond the scale", { reason: "wrong-role", fitRating: 6 }, "fitRating", "invalid"],
    [
      "a signal nobody agreed on",
      { reason: "wrong-role", buyingSignals: ["smiled"] },
      "buyingSignals.0",
      "invalid",
    ],
    ["an unknown field", { reason: "wrong-role", mood: "bad" }, "mood", "invalid"],
  ])("rejecting with %s is 422 and stores no action", async (_, body, field, code) => {
    const { id, rep } = await offered();
    const answer = await ask(rep, "POST", `/leads/${id}/reject`, body);
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([422, code, field]);
    if (code === "refused" && field === "reason")
      expect(answer.body.expected).toContain("wrong-role");
    expect(await actionsOf(id)).toEqual([]);
  });

  test("evidence that is missing is refused by field too", async () => {
    const { id, rep } = await offered();
    expect(await ask(rep, "POST", `/leads/${id}/reject`, { reason: "unreachable" })).toMatchObject({
      status: 422,
      body: {
        code: "refused",
        field: "attempts",
        rule: "attempts-missing",
        state: { stage: "mql" },
      },
    });
  });

  test.each([
    ["pause", { reason: "holiday" }, "reason"],
    ["outreach", { channel: "pigeon" }, "channel"],
    ["outreach", { channel: "call", occurredAt: "2031-01-01T00:00:00Z" }, "occurredAt"],
    ["advance", { amountMinor: 5 }, "currency"],
    ["hand-back", { revisitOn: "2020-01-01" }, "revisitOn"],
  ])("%s with %j is 422 naming %s", async (place, body, field) => {
    const { id, rep } = await offered();
    const answer = await ask(rep, "POST", `/leads/${id}/${place}`, body);
    expect([answer.status, answer.body.field]).toEqual([422, field]);
  });
});

describe("Idempotency-Key", () => {
  test("the same key and body is one action with one answer, however often and however concurrently", async () => {
    const { id, rep } = await offered();
    const at = `/leads/${id}/outreach`;
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => ask(rep, "POST", at, { channel: "email" }, "once")),
    );
    // A busy machine may take longer than an answer may: then the outcome is asked for like that of
    // any outage.
    for (const { status } of answers) expect([200, 409, 503]).toContain(status);
    for (const twin of answers.filter((one) => one.status === 409))
      expect([twin.body["code"], twin.headers.get("retry-after")]).toEqual(["still-running", "1"]);
    const again = await patiently(() => ask(rep, "POST", at, { channel: "email" }, "once"));
    expect(again.status).toBe(200);
    for (const one of answers.filter((other) => other.status === 200))
      expect(one.body).toEqual(again.body);
    expect(
      await rows(
        world.pool,
        sql`
          select id from outreach
            where handoff_id = (select handoff_id from lead_standing where id = ${id})`,
      ),
    ).toHaveLength(1);
  });

  test("another body or another lead under the same key is 422", async () => {
    const [a, b] = [await offered(), await offered()];
    await ask("operator", "POST", `/leads/${a.id}/outreach`, { channel: "email" }, "mine");
    expect(
      (await ask("operator", "POST", `/leads/${a.id}/outreach`, { channel: "call" }, "mine")).body,
    ).toMatchObject({ status: 422, code: "key-reused" });
    expect(
      (await ask("operator", "POST", `/leads/${b.id}/outreach`, { channel: "email" }, "mine")).body,
    ).toMatchObject({ status: 422, code: "key-reused" });
  });

  test(
    "an answer that was lost on the way back is given again, although the lead has moved on " +
      "because of it",
    async () => {
      const { id, rep } = await offered();
      const first = await ask(
        rep,
        "POST",
        `/leads/${id}/reject`,
        { reason: "unsupported-use-case" },
        "lost",
      );
      await world.pool.query("delete from idempotency_key");
      expect(
        (await ask(rep, "POST", `/leads/${id}/reject`, { reason: "unsupported-use-case" }, "lost"))
          .body,
      ).toEqual(first.body);
      expect(await actionsOf(id)).toHaveLength(1);
    },
  );

  test("the first arrival's time counts, not the repeat's", async () => {
    const { id, rep } = await offered();
    await ask(rep, "POST", `/leads/${id}/outreach`, { channel: "call" }, "stamped");
    const first = await firstRow<{ received_at: Date }>(
      world.pool,
      sql`select received_at from action where lead_id = ${id}`,
    );
    await world.pool.query("delete from idempotency_key");
    await ask(rep, "POST", `/leads/${id}/outreach`, { channel: "call" }, "stamped");
    expect(
      await firstRow(world.pool, sql`select received_at from action where lead_id = ${id}`),
    ).toEqual(first);
  });
});

describe("while Temporal does not answer", () => {
  test("people log, accept and reject as always, and the process hears of it", async () => {
    const [worked, refused] = [await offered(), await offered()];
    const away = connectTemporal({ address: "127.0.0.1:1", namespace: "default" });
    const cut = createApp({
      ...world.pools,
      agreements: createAgreements(agreementOf),
      temporal: away,
      clock: Date.now,
      publicUrl: "http://baton.test",
      log: pino({ level: "silent" }),
    });
    const act = async ({ id, rep }: { id: string; rep: string }, place: string, body: unknown) => {
      const headers = {
        authorization: `Bearer ${tokens.get(rep)}`,
        "content-type": "application/json",
        "idempotency-key": `away-${id}-${place}`,
      };
      const response = await cut.request(`/leads/${id}/${place}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as Body };
    };
    expect(await act(worked, "outreach", { channel: "call", outcome: "connected" })).toMatchObject({
      status: 200,
      body: { stage: "mql", waitingOn: "answer", onTime: true },
    });
    const accepted = await act(worked, "accept", {});
    expect(accepted).toMatchObject({ status: 200, body: { stage: "sal", owner: worked.rep } });
    expect(await act(worked, "accept", {})).toEqual(accepted);
    expect(await act(refused, "reject", { reason: "unsupported-use-case" })).toMatchObject({
      status: 200,
      body: { stage: "disqualified" },
    });
    await away.close();
    expect((await actionsOf(worked.id)).map((one) => one.name)).toEqual(["logOutreach", "accept"]);

    const stands = async (id: string) => (await world.handle(id).query<Standing>("standing")).stage;
    await expect.poll(() => stands(worked.id), { timeout: 15_000 }).toBe("sal");
    await expect
      .poll(async () => (await world.handle(refused.id).describe()).status.name, {
        timeout: 15_000,
      })
      .toBe("COMPLETED");
  });

  test("a rejection that is overturned names the next rep at once", async () => {
    const { id, rep } = await offered();
    await ask(rep, "POST", `/leads/${id}/reject`, { reason: "no-intent-signals" });
    const answer = await ask("rp_boss", "POST", `/leads/${id}/contest-decision`, {
      decision: "overturn",
    });
    expect(answer).toMatchObject({ status: 200, body: { stage: "mql", waitingOn: "outreach" } });
    expect(["rp_one", "rp_two", "rp_three"].filter((one) => one !== rep)).toContain(
      answer.body["owner"],
    );
  });

  test("a lead whose process has not begun is 409 naming where it stands", async () => {
    await world.pool.query(sql`
      with arrived as (insert into lead (id, arrived_at) values ('ld_notstarted', now())
        returning id)
      insert into process (subject_kind, subject_id, stage_since) select 'lead', id, now()
        from arrived`);
    await world.pool.query(sql`
      insert into outbox (lane, kind, workflow_id, message, payload, created_at, next_at)
        values (1, 'start', 'lead/ld_notstarted', 'leadHandoff', '{}', now(),
        now() + interval '1 hour')`);
    expect(await ask("operator", "POST", "/leads/ld_notstarted/accept")).toMatchObject({
      status: 409,
      body: { code: "not-possible-now", state: { stage: "new", waitingOn: "assessment" } },
    });
  });
});

describe("what the sender was looking at", () => {
  test("an action that says what the page shows is decided; of two, the second is told what won", async () => {
    const { id, rep } = await offered();
    const { seen } = (await ask(rep, "GET", `/leads/${id}`)).body;
    expect(seen).toEqual({ stage: "mql", cycle: 1, round: 1 });
    expect(await ask(rep, "POST", `/leads/${id}/accept`, { seen })).toMatchObject({
      status: 200,
      body: { stage: "sal" },
    });
    expect(await ask("operator", "POST", `/leads/${id}/hand-back`, { seen })).toMatchObject({
      status: 409,
      body: { code: "already-answered", state: { id, stage: "sal", owner: rep } },
    });
    expect((await ask(rep, "GET", `/leads/${id}`)).body["seen"]).toEqual({
      stage: "sal",
      cycle: 1,
      round: 1,
    });
  });

  test(
    "an answer to an offer that is over is refused, also from whoever may act on every lead, " +
      "and changes nothing",
    async () => {
      const { id, rep } = await offered();
      const { seen } = (await ask("operator", "GET", `/leads/${id}`)).body;
      const to = ["rp_one", "rp_two", "rp_three"].find((one) => one !== rep) ?? "";
      expect(await ask("rp_boss", "POST", `/leads/${id}/reassign`, { to, seen })).toMatchObject({
        status: 200,
        body: { owner: to, waitingOn: "outreach" },
      });
      // The process has heard of it and decides nothing more.
      await expect
        .poll(
          async () =>
            (await world.handle(id).query<Standing>("standing")).step - (await world.lead(id)).step,
          { timeout: 10_000 },
        )
        .toBe(0);
      const standing = () =>
        firstRow(
          world.pool,
          sql`
          select to_jsonb(p) as process, (select count(*) from decision
            where subject_id = ${id}) as decisions from process p where subject_id = ${id}`,
        );
      const before = await standing();
      for (const body of [
        { seen },
        { seen: { round: 1 } },
        { seen: { ...seen, round: 2, cycle: 2 } },
        { seen: { stage: "sal" } },
      ]) {
        expect(
          await ask("operator", "POST", `/leads/${id}/accept`, body),
          JSON.stringify(body),
        ).toMatchObject({
          status: 409,
          body: { code: "already-answered", state: { stage: "mql", owner: to } },
        });
      }
      expect(await standing()).toEqual(before);
      expect(
        await ask(to, "POST", `/leads/${id}/accept`, { seen: { ...seen, round: 2 } }),
      ).toMatchObject({ status: 200, body: { stage: "sal" } });
    },
  );

  test.each([
    [{ stage: "won" }, "seen.stage"],
    [{ round: -1 }, "seen.round"],
    [{ cycle: 0 }, "seen.cycle"],
    [{ offer: 1 }, "seen.offer"],
    ["mql", "seen"],
  ])("%j is 422 naming %s", async (seen, field) => {
    const { id, rep } = await offered();
    const answer = await ask(rep, "POST", `/leads/${id}/accept`, { seen });
    expect([answer.status, answer.body["field"]]).toEqual([422, field]);
    expect(await actionsOf(id)).toEqual([]);
  });
});

describe("reopening", () => {
  test("a disqualified lead starts again at new, as its next cycle, audited", async () => {
    const { id, rep } = await offered();
    await ask(rep, "POST", `/leads/${id}/reject`, { reason: "unsupported-use-case" });
    await world.until(id, (row) => row.stage === "disqualified");
    expect(await ask(rep, "POST", `/leads/${id}/reopen`, { why: "please" })).toMatchObject({
      status: 403,
    });
    expect(
      await ask("operator", "POST", `/leads/${id}/reopen`, { why: "they have the use case now" }),
    ).toMatchObject({ status: 202, body: { id, cycle: 2 } });
    const again = await world.until(id, (row) => row.stage === "mql" && row.cycle === 2);
    expect(again.closed_reason).toBeNull();
    expect(await world.path(id)).toContain("disqualified>new");
    expect(await rows(world.pool, sql`select what from audit where subject = ${id}`)).toEqual([
      { what: "lead.reopened" },
    ]);
  });

  test("a lead that is not disqualified is 409 naming where it stands", async () => {
    const { id } = await offered();
    expect(await ask("operator", "POST", `/leads/${id}/reopen`, { why: "x" })).toMatchObject({
      status: 409,
      body: { state: { stage: "mql" } },
    });
  });
});

describe("erasure", () => {
  test(
    "an offered lead's person is forgotten, the process ends, counts stay, and a late arrival " +
      "does not bring them back",
    async () => {
      const email = "forget.me@example-customer.com";
      const id = await world.arrive({ email, facts: { "lead.name": "Forget Mepleaseza" } });
      const { owner_id: rep } = await world.until(id, (row) => row.owner_id !== null);
      await ask(rep ?? "", "POST", `/leads/${id}/outreach`, {
        channel: "call",
        note: "Forget Mepleaseza was kind",
      });
      expect(await ask("operator", "DELETE", `/people/${id}`)).toMatchObject({
        status: 202,
        body: { erased: true },
      });
      await world.until(id, (row) => row.stage === "disqualified");

      // A sync that had read the person before may still write them; what it leaves is gone within
      // the minute too.
      await expect
        .poll(() => tracesIn(world.pool, ["forget.me@", "mepleaseza"]), {
          timeout: 60_000,
          interval: 250,
        })
        .toEqual([]);
      expect(
        await rows(world.pool, sql`select outcome from handoff where subject_id = ${id}`),
      ).toHaveLength(1);
      expect(
        await ask("operator", "POST", "/leads", {
          facts: { "lead.email": email, "lead.source": "late" },
        }),
      ).toMatchObject({ status: 409, body: { code: "conflict" } });
      expect(await ask("operator", "DELETE", `/people/${id}`)).toMatchObject({
        status: 202,
        body: { erased: true },
      });
      expect(
        await ask("operator", "POST", `/leads/${id}/hand-back`, { note: "Mepleaseza called" }),
      ).toMatchObject({
        status: 409,
        body: { code: "not-possible-now", state: { stage: "disqualified" } },
      });
      expect(await tracesIn(world.pool, ["mepleaseza"])).toEqual([]);
    },
  );
});

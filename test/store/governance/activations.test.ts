import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agreementOf } from "../../../agreement/stored.ts";
import { rejudgeNext } from "../../../store/governance/activations.ts";
import { activate, createAgreements } from "../../../store/process/agreements.ts";
import { inTransaction, rows, sql } from "../../../store/postgres/db.ts";
import { flaggedAccount } from "../../support/flagged-account.ts";
import { planWorld, type PlanWorld } from "../../support/plan-world.ts";

const hour = 3_600_000;
let world: PlanWorld;
beforeAll(async () => {
  world = await planWorld();
}, 60_000);
afterAll(() => world.close());

let edits = 0;
const longer = (hours: number) =>
  world.agreementText
    .replace("outreach: 1 business hour\n", `outreach: ${hours} business hours\n`)
    .replace("status: same day", "status: 3 business days")
    .concat(`\n# edit ${++edits}\n`);
const activateBy = (id: string, openHandoffs?: string) =>
  world.ask("POST", `/agreement/versions/${id}/activate`, {
    as: "revops",
    body: openHandoffs === undefined ? {} : { openHandoffs },
  });
const deps = () => ({ pool: world.pool, agreements: createAgreements(agreementOf) });

interface ClockRow {
  readonly lead: string;
  readonly scope: string;
  readonly due: Date;
  readonly state: string;
  readonly events: string;
}
const outreach = (ids: readonly string[]) =>
  rows<ClockRow>(
    world.pool,
    sql`
    select h.subject_id as lead, c.scope, c.due_at as due, c.state,
      (select string_agg(e.kind, ' ' order by e.n) from clock_event e where e.clock_id = c.id)
        as events
    from clock c join handoff h on h.id = c.handoff_id
    where c.kind = 'outreach' and h.subject_id = any(${ids}::text[]) order by 1, 2`,
  );
const dues = async (ids: readonly string[]) =>
  (await outreach(ids)).map(({ due }) => due.getTime());
async function several(count: number): Promise<string[]> {
  const ids = [];
  for (let n = 0; n < count; n++) ids.push(await world.arrive());
  return ids;
}
async function untilOver(id: string): Promise<number> {
  for (let pages = 1; pages < 50; pages++)
    if ((await rejudgeNext(deps(), id, world.now())).isOver) return pages;
  throw new Error("it is never over");
}

interface HistoryItem {
  readonly kind: string;
  readonly what: string;
  readonly cycle: number | null;
}

describe("what happens to open handoffs when a version is activated", { timeout: 180_000 }, () => {
  test("keep: nothing; each goes on by the version that it began under", async () => {
    const ids = await several(2);
    const before = await outreach(ids);
    const version = await world.signed(longer(2));
    expect((await activateBy(version.id)).body.activation).toEqual({
      openHandoffs: "keep",
      looked: 0,
      state: "over",
    });
    expect(await outreach(ids)).toEqual(before);
    expect(
      await rows(world.pool, sql`select from outbox where workflow_id like 'agreement/%'`),
    ).toEqual([]);
    expect((await activateBy(version.id, "re-judge clocks")).body).toMatchObject({
      code: "conflict",
      openHandoffs: "keep",
    });
  });

  test("re-judge clocks: each once, whatever dies between two leads; used time stays used", async () => {
    const ids = await several(5);
    const untouched = await world.arrive();
    expect((await world.act(untouched, "accept", {})).status).toBe(200);
    expect((await world.act(untouched, "outreach", { channel: "call" })).status).toBe(200);
    const stopped = await outreach([untouched]);
    world.setNow(world.now() + hour / 2);
    const before = await dues(ids);
    const version = await world.signed(longer(4));
    const activated = (await activateBy(version.id, "re-judge clocks")).body;
    expect(activated).toMatchObject({ activation: { looked: 0, state: "going on" } });
    expect(
      await rows(
        world.pool,
        sql`select kind, workflow_id, message, payload from outbox
          where workflow_id like 'agreement/%'`,
      ),
    ).toEqual([
      {
        kind: "start",
        workflow_id: `agreement/${version.id}`,
        message: "rejudgeClocks",
        payload: { versionId: version.id },
      },
    ]);
    // Whoever works on it dies after the third lead, and after the first of the rest.
    for (const nth of [3, 1]) {
      let left = nth;
      const dying = {
        ...deps(),
        crashPoint: () => {
          if (--left === 0) throw new Error("killed");
        },
      };
      await expect(rejudgeNext(dying, version.id, world.now())).rejects.toThrow("killed");
    }
    await untilOver(version.id);
    const after = await outreach(ids);
    expect(after.map(({ due }) => due.getTime())).toEqual(before.map((due) => due + 2 * hour));
    for (const { events } of after) expect(events).toBe("start target-changed");
    expect(await outreach([untouched])).toEqual(stopped);
    expect(
      (await world.ask("GET", `/agreement/versions/${version.id}/plan`)).body.activation,
    ).toMatchObject({ state: "over" });
    const decided = await rows<{ n: number }>(
      world.pool,
      sql`select count(*)::int as n from decision where kind = 'rejudged'
        and subject_id = any(${ids}::text[]) group by subject_id`,
    );
    expect(decided.map(({ n }) => n)).toEqual([1, 1, 1, 1, 1]);
    // Each record names its version: of the handoff, of the terms, of the clock's target.
    const [handoff] = await rows<{ agreement_id: string; by: string; target: unknown }>(
      world.pool,
      sql`select h.agreement_id, h.terms ->> 'agreementId' as by, c.target from handoff h
        join clock c on c.handoff_id = h.id and c.kind = 'outreach' and c.scope = 'rep'
        where h.subject_id = ${ids[0]}`,
    );
    expect(handoff?.agreement_id).not.toBe(version.id);
    expect(handoff).toMatchObject({ by: version.id, target: { kind: "business", ms: 4 * hour } });
    const account = (await world.ask("GET", `/leads/${ids[0]}/clocks`)).body.clocks[0];
    expect(account).toMatchObject({ target: "4 business hours", agreement: version.id });
    expect(
      account.ledger.find(({ kind }: { kind: string }) => kind === "retargeted"),
    ).toMatchObject({ agreement: version.id });
    // Of everything that was decided: before by the one, from then on by the other.
    const { items } = (await world.ask("GET", `/leads/${ids[0]}/history?limit=100`)).body;
    const by = (kind: string, what: string) =>
      items.find((one: HistoryItem) => one.kind === kind && one.what === what).detail.agreement;
    for (const [kind, what] of [
      ["transition", "mql"],
      ["decision", "arrived"],
      ["clock", "start"],
    ] as const)
      expect([kind, by(kind, what)]).toEqual([kind, handoff?.agreement_id]);
    expect(by("clock", "target-changed")).toBe(version.id);
    for (const { kind, what, detail } of items.filter(
      ({ kind, cycle }: HistoryItem) => cycle !== null && kind !== "action",
    ))
      if (what !== "new")
        expect([kind, what, detail.agreement]).toEqual([kind, what, expect.any(String)]);
    expect((await world.ask("GET", `/leads/${ids[0]}`)).body).toMatchObject({
      score: { agreement: expect.stringMatching(/^ag_/) },
      handoff: { agreement: handoff?.agreement_id },
    });
  });

  test("re-judge clocks: a flagged account too, though nobody does anything there; once", async () => {
    const { id } = await flaggedAccount(world, "silent-company.com");
    const lead = await world.arrive();
    world.setNow(world.now() + 10 * hour);
    const before = await dues([id]);
    expect(before).toHaveLength(2);
    const text = longer(5).replace("  outreach: 48 hours", "  outreach: 50 hours");
    const version = await world.signed(text);
    await activateBy(version.id, "re-judge clocks");
    const told = () =>
      rows<{ workflow_id: string; message: string }>(
        world.pool,
        sql`select workflow_id, message from outbox where workflow_id = ${`account/${id}/1`}
          and kind = 'signal'`,
      );
    expect(await told()).toEqual([]);
    // Whoever works on it dies after each of the two.
    for (let n = 0; n < 2; n++) {
      const dying = {
        ...deps(),
        crashPoint: () => {
          throw new Error("killed");
        },
      };
      await expect(rejudgeNext(dying, version.id, world.now())).rejects.toThrow("killed");
    }
    await untilOver(version.id);
    const after = await outreach([id]);
    expect(after.map(({ due }) => due.getTime())).toEqual(before.map((due) => due + 2 * hour));
    for (const { events } of after) expect(events).toBe("start target-changed");
    const looked = await rows<{ subject_kind: string; n: number }>(
      world.pool,
      sql`select subject_kind, count(*)::int as n from decision where kind = 'rejudged'
        and key = ${`rejudge/${version.id}`} and subject_id = any(${[id, lead]}::text[])
        group by 1 order by 1`,
    );
    expect(looked).toEqual([
      { subject_kind: "account", n: 1 },
      { subject_kind: "lead", n: 1 },
    ]);
    const [handoff] = await rows<{ by: string; began: string }>(
      world.pool,
      sql`select terms ->> 'agreementId' as by, agreement_id as began from handoff
        where subject_id = ${id}`,
    );
    expect(handoff).toMatchObject({ by: version.id });
    expect(handoff?.began).not.toBe(version.id);
    // A version that asks for no accounts leaves their clocks as they are.
    const without = await world.signed(
      longer(5)
        .replace(/^accounts:\n(?:(?:  .*|)\n)+/m, "")
        .replace(/^.*flagged account.*$/m, ""),
    );
    await activateBy(without.id, "re-judge clocks");
    await untilOver(without.id);
    expect(await outreach([id])).toEqual(after);
  });

  test("a next owner is asked by the new target too, and people's news does not undo it", async () => {
    const [id] = await several(1);
    const version = await world.signed(longer(6));
    await activateBy(version.id, "re-judge clocks");
    await untilOver(version.id);
    const given = await world.ask("POST", `/leads/${id}/reassign`, {
      as: "operator",
      body: { to: "rp_two" },
    });
    expect(given.status).toBe(200);
    const rep = (await outreach([id!])).filter(
      ({ scope, state }) => scope === "rep" && state === "running",
    );
    expect(rep).toHaveLength(1);
    expect(rep[0]!.due.getTime()).toBeGreaterThanOrEqual(world.now() + 5 * hour);
  });

  test("ends when another version becomes active meanwhile: the other one's turn comes", async () => {
    const ids = await several(2);
    const version = await world.signed(longer(7));
    await activateBy(version.id, "re-judge clocks");
    const before = await dues(ids);
    await inTransaction(world.pool, (tx) => activate(tx, longer(8), "test", world.now()));
    expect(await rejudgeNext(deps(), version.id, world.now())).toMatchObject({
      isOver: true,
      state: "superseded",
    });
    expect(await dues(ids)).toEqual(before);
  });

  test("of two at once one wins, and the other is told which", async () => {
    const made = [await world.signed(longer(9)), await world.signed(longer(10))];
    const done = await Promise.all(made.map(({ id }) => activateBy(id, "re-judge clocks")));
    const statuses = done.map(({ status }) => status).sort((a, b) => a - b);
    expect(statuses).toEqual([200, 409]);
    const winner = done.find(({ status }) => status === 200)!.body.id;
    expect(done.find(({ status }) => status === 409)!.body.active).toBe(winner);
    await untilOver(winner);
  });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { atOnce } from "../../../bench/numbers.ts";
import { deviationOf } from "../../../bench/routing.ts";
import { replay, type Deltas } from "../../../handoff/routing/round-robin.ts";
import { hour, now, rep, routingWorld, type RoutingWorld } from "../../support/routing-world.ts";

let world: RoutingWorld;
beforeAll(async () => {
  world = await routingWorld(32);
});
afterAll(() => world.close());

const weights = { rp_a: 1, rp_b: 2, rp_c: 3, rp_d: 1, rp_e: 4 };
const leads = 2_000;

test(
  `promise 5: 32 concurrent clients, ${leads} leads: shares hold in ledger order, no handoff ` +
    "twice",
  async () => {
    await world.roster(
      Object.keys(weights).map((id) => rep(id)),
      { "east-sdr": weights },
    );
    // Every handoff is asked about twice, by clients that do not know of each other.
    const ids = await world.handoffs(leads);
    await atOnce(
      32,
      ids.flatMap((id, i) => (i % 4 === 0 ? [id, id] : [id])),
      (id) => world.route(id),
    );
    const entries = await world.pool.query<{
      id: number;
      handoff_id: string;
      winner: string;
      deltas: Deltas;
    }>("select id, handoff_id, winner, deltas from credit_entry order by id");
    expect(entries.rows).toHaveLength(leads);
    expect(new Set(entries.rows.map((row) => row.handoff_id)).size).toBe(leads);
    expect(
      deviationOf(
        entries.rows.map((row) => row.winner),
        weights,
      ),
    ).toBeLessThan(1.5);
    const assigned = await world.pool.query(
      "select count(*)::int as n, count(distinct handoff_id)::int as handoffs from assignment",
    );
    expect(assigned.rows).toEqual([{ n: leads, handoffs: leads }]);
    const differing = await world.pool.query(
      "select 1 from assignment a join credit_entry e using (handoff_id, round) where a.rep_id " +
        "<> e.winner",
    );
    expect(differing.rows).toEqual([]);
    const credits = await world.pool.query("select rep_id, millionths, last_pick from credit");
    expect(
      Object.fromEntries(
        credits.rows.map((row) => [
          row.rep_id,
          { millionths: row.millionths, lastPick: row.last_pick },
        ]),
      ),
    ).toEqual(replay(entries.rows));
  },
  120_000,
);

test("promise 5: no cap is exceeded, also by a rep of two pools whose locks differ", async () => {
  const caps = { open: 7 };
  await world.roster(
    [
      rep("rp_a", { caps }),
      rep("rp_both", { caps }),
      rep("rp_day", { caps: { perDay: 5 } }),
      rep("rp_hour", { caps: { perHour: 3 } }),
    ],
    { "east-sdr": { rp_a: 1, rp_both: 5, rp_day: 1 }, "west-sdr": { rp_both: 5, rp_hour: 1 } },
  );
  const ids = await world.handoffs(200);
  await atOnce(32, ids, (id) =>
    world.route(id, {
      known: {
        facts: { "account.country": id.endsWith("1") || id.endsWith("6") ? "US" : "DE" },
        engagements: [],
        now,
      },
    }),
  );
  const given = await world.pool.query(
    "select rep_id, count(*)::int as n from assignment group by 1 order by 1",
  );
  expect(given.rows).toEqual([
    { rep_id: "rp_a", n: 7 },
    { rep_id: "rp_both", n: 7 },
    { rep_id: "rp_day", n: 5 },
    { rep_id: "rp_hour", n: 3 },
  ]);
  const held = await world.pool.query("select count(*)::int as n from held");
  expect(held.rows).toEqual([{ n: 200 - 22 }]);
}, 60_000);

test(
  "leads held and newcomers at the opening, all at once: each goes out once, the urgent ones " +
    "first",
  async () => {
    await world.roster(
      [rep("rp_a", { caps: { perHour: 40 } }), rep("rp_b", { caps: { perHour: 40 } })],
      { "east-sdr": { rp_a: 1, rp_b: 1 } },
    );
    const ids = await world.handoffs(120);
    const night = Date.parse("2026-11-18T20:00:00Z");
    const opening = Date.parse("2026-11-19T09:00:00Z");
    const priorityOf = (id: string) => 1 + (Number(id.slice(3)) % 3);
    const held = ids.slice(0, 90);
    const other = (id: string, at: number) => ({
      now: at,
      priority: priorityOf(id),
      dueAt: opening + 2 * hour,
      arrivedAt: at,
    });
    await atOnce(16, held, (id) => world.route(id, other(id, night)));
    await atOnce(32, [...ids.slice(90), ...held, ...held], (id) =>
      held.includes(id) && Number(id.slice(3)) % 2 === 0
        ? world.release("east-sdr", opening)
        : world.route(id, other(id, opening)),
    );
    const out = await world.pool.query<{ handoff_id: string }>(
      "select a.handoff_id from assignment a where rep_id is not null",
    );
    expect(out.rows).toHaveLength(80);
    expect(new Set(out.rows.map((row) => row.handoff_id)).size).toBe(80);
    const left = await world.pool.query<{ handoff_id: string }>("select handoff_id from held");
    expect(left.rows).toHaveLength(40);
    // 40 leads of each priority: all of 1, all of 2 but those that a later newcomer found no room
    // for, 3 waits.
    expect(
      left.rows.filter((row) => priorityOf(row.handoff_id) === 1 && held.includes(row.handoff_id)),
    ).toEqual([]);
  },
  60_000,
);

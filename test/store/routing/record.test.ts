import { copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  routeAgain,
  walk,
  type PoolInput,
  type RouteInput,
} from "../../../handoff/routing/route.ts";
import { inTransaction, openPool } from "../../../store/postgres/db.ts";
import { leadHistory } from "../../../store/views/history.ts";
import { migrate } from "../../../store/postgres/migrate.ts";
import { putAbsences, putPools, putReps } from "../../../store/routing/roster-edit.ts";
import { routingDispatcher } from "../../../store/routing/dispatcher.ts";
import { recorder, restored, withoutFacts, type KeptRow } from "../../../store/routing/record.ts";
import {
  away,
  member,
  poolOf,
  routing,
  tomorrow,
  wednesdayMorning,
} from "../../support/members.ts";
import {
  hour,
  now,
  rep,
  request,
  routingWorld,
  type RoutingWorld,
} from "../../support/routing-world.ts";
import { emptyDatabase } from "../../support/world.ts";

let world: RoutingWorld;
beforeAll(async () => {
  world = await routingWorld();
});
afterAll(() => world.close());

const versions = async () =>
  (await world.pool.query<{ id: string }>("select id from roster_version order by id")).rows.map(
    (row) => row.id,
  );

describe("a record gives back what it was made from", () => {
  const anyone = fc.record({
    weight: fc.nat({ max: 3 }),
    active: fc.boolean(),
    languages: fc.subarray(["de", "en"]),
    presence: fc.constantFrom(undefined, undefined, tomorrow, away),
    load: fc.record({
      open: fc.nat({ max: 2 }),
      today: fc.nat({ max: 2 }),
      thisHour: fc.nat({ max: 2 }),
      hourTo: fc.constantFrom(wednesdayMorning + hour, wednesdayMorning + hour / 2),
    }),
    caps: fc.record({ open: fc.nat({ max: 3 }), perDay: fc.nat({ max: 3 }) }, { requiredKeys: [] }),
    credit: fc.option(
      fc.record({
        millionths: fc.integer({ min: -2_000_000, max: 2_000_000 }),
        lastPick: fc.nat(),
      }),
    ),
  });
  // Names that are numbers lose their order in an object.
  const pools = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom("east-sdr", "10", "2", 'a,b\n"c"'),
      members: fc.array(anyone, { maxLength: 5 }),
      left: fc.boolean(),
    }),
    { maxLength: 4, selector: (one) => one.name },
  );
  const proposed = fc.record({
    repId: fc.constantFrom("rp_00", "rp_x"),
    active: fc.boolean(),
    known: fc.boolean(),
  });

  test("for any pools, members, ledgers and proposals, through JSON and back", () => {
    fc.assert(
      fc.property(
        pools,
        fc.option(proposed),
        fc.array(proposed, { maxLength: 3 }),
        fc.constantFrom(null, "de"),
        fc.boolean(),
        (given, chosen, owners, language, followTheSun) => {
          const built = given.map(({ name, members, left }, p): [string, PoolInput] => [
            name,
            poolOf(
              members.map(({ weight, active, languages, caps, load, presence }, i) =>
                member(`rp_${p}${i}`, {
                  weight,
                  active,
                  languages,
                  caps,
                  load,
                  ...(presence ? { presence } : {}),
                }),
              ),
              {
                ...Object.fromEntries(
                  members.flatMap((one, i) => (one.credit ? [[`rp_${p}${i}`, one.credit]] : [])),
                ),
                ...(left ? { rp_left: { millionths: 0, lastPick: 7 } } : {}),
              },
            ),
          ]);
          const byName = ({
            repId,
            active,
            known,
          }: {
            repId: string;
            active: boolean;
            known: boolean;
          }) => ({
            repId,
            member: known ? member(repId, { active }) : null,
            pool: built[0]?.[0] ?? null,
          });
          const steps = built.map(([pool]) => ({
            pool,
            via: "territory" as const,
            language: null,
            siblings: [],
          }));
          const whole = routing(Object.fromEntries(built), {
            needs: {
              language,
              product: null,
              motion: null,
              exclude: [{ repId: "rp_01", round: 1 }],
            },
            followTheSun,
            chosen: chosen && byName(chosen),
            owners: owners.map(byName),
            place: { territory: "east", segment: null, trace: [], steps },
          });
          // As the dispatcher gives it: with the first pool and the others that the walk comes to.
          const input: RouteInput = { ...whole, pools: {} };
          const read = input.pools as Record<string, PoolInput>;
          if (steps[0]) read[steps[0].pool] = whole.pools[steps[0].pool]!;
          let walked = walk(input);
          while ("unread" in walked) {
            read[walked.unread] = whole.pools[walked.unread]!;
            walked = walk(input);
          }
          const { candidates } = walked.answer;
          const kept = recorder()(input, candidates);
          expect(kept === null).toBe(built.length === 0);
          if (!kept) return;
          const row = {
            roster: JSON.parse(kept.roster.content),
            record: JSON.parse(JSON.stringify(kept.record)),
          } as KeptRow;
          expect(restored(row)).toEqual({ input: withoutFacts(input), candidates });
          expect(routeAgain(restored(row).input)).toEqual(walked.answer);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("an assignment of before, which named one owner or none, gives that one back", () => {
    const owner = { repId: "rp_7", member: member("rp_7"), pool: null };
    const now_ = routing({ "east-sdr": poolOf([member("rp_1")]) }, { owners: [owner] });
    const { candidates } = routeAgain(now_);
    const kept = recorder()(now_, candidates)!;
    const { owners, ...rest } = kept.record;
    const roster = JSON.parse(kept.roster.content) as Extract<
      KeptRow,
      { record: object }
    >["roster"];
    const before = (named: typeof owner | null): KeptRow => ({
      roster,
      record: { ...rest, owner: named },
    });
    expect(owners).toEqual([owner]);
    expect(restored(before(owner))).toEqual({ input: withoutFacts(now_), candidates });
    expect(restored(before(null)).input.owners).toEqual([]);
    const { owners: _, ...input } = withoutFacts(now_);
    expect(restored({ roster: null, candidates, input: { ...input, owner } })).toEqual({
      input: withoutFacts(now_),
      candidates,
    });
  });

  test(
    "the same members at another moment and with other credits are the same version; any " +
      "difference of the roster is another one",
    () => {
      const versionOf = (input: RouteInput) =>
        recorder()(input, routeAgain(input).candidates)?.roster.id;
      const at = (moment: number, credit: number, other: Parameters<typeof member>[1] = {}) => {
        const presence = {
          zone: "America/New_York",
          opensAt: moment,
          dayEndsAt: wednesdayMorning + 7 * hour,
          absentTo: null,
        };
        return routing(
          {
            "east-sdr": poolOf([member("rp_1", { presence, ...other })], {
              rp_1: { millionths: credit, lastPick: credit },
            }),
          },
          { now: moment },
        );
      };
      const first = versionOf(at(wednesdayMorning, 0));
      expect(versionOf(at(wednesdayMorning + 59_000, 5, { load: { open: 3 } }))).toBe(first);
      const others = [
        { weight: 2 },
        { languages: ["de"] },
        { caps: { open: 5 } },
        { active: false },
        { presence: tomorrow },
        { load: { hourTo: wednesdayMorning + 2 * hour } },
      ];
      expect(
        new Set([first, ...others.map((other) => versionOf(at(wednesdayMorning, 0, other)))]),
      ).toHaveProperty("size", others.length + 1);
    },
  );
});

describe("kept with an assignment", () => {
  test(
    "picks of one hour share one version; a changed roster makes a new one, and older picks " +
      "are judged as before",
    async () => {
      await world.roster([rep("rp_a", { caps: { open: 9 } }), rep("rp_b")], {
        "east-sdr": { rp_a: 1, rp_b: 2 },
      });
      const ids = await world.handoffs(9);
      const answers = [];
      for (const [n, id] of ids.slice(0, 6).entries())
        answers.push(await world.ask(id, { now: now + n * 60_000 }));
      expect(await versions()).toHaveLength(1);
      await inTransaction(world.pool, async (tx) => {
        await putReps(tx, [rep("rp_a", { active: false }), rep("rp_c")], now);
        await putPools(
          tx,
          [{ id: "east-sdr", hours: null, members: { rp_a: 1, rp_b: 2, rp_c: 5 } }],
          now,
        );
      });
      answers.push(await world.ask(ids[6]!));
      await inTransaction(world.pool, (tx) =>
        putAbsences(tx, { rp_c: [{ from: now + hour, to: now + 5 * hour, reason: "leave" }] }, now),
      );
      answers.push(await world.ask(ids[7]!, { now: now + 2 * hour }));
      expect(await versions()).toHaveLength(3);
      const kept = await world.kept();
      expect(kept).toHaveLength(8);
      for (const [n, row] of kept.entries()) {
        expect(row.input).toEqual(withoutFacts(answers[n]!.input));
        expect(row.candidates).toEqual(answers[n]!.candidates);
        expect(routeAgain(row.input)).toEqual({
          routed: answers[n]!.routed,
          territory: "east",
          segment: null,
          candidates: answers[n]!.candidates,
        });
      }
      expect(new Set(kept.slice(0, 6).map((row) => row.roster_id)).size).toBe(1);
    },
  );

  test("desks of several processes keep the same version at once, in one pool and in others", async () => {
    await world.roster([rep("rp_a"), rep("rp_w")], {
      "east-sdr": { rp_a: 1 },
      "west-sdr": { rp_w: 1, rp_a: 1 },
    });
    const ids = await world.handoffs(60);
    const others = [openPool(world.url), openPool(world.url)];
    const desks = [world.dispatcher, ...others.map((one) => routingDispatcher(one))];
    const west = { known: { facts: { "account.country": "US" }, engagements: [], now } };
    const answers = await Promise.all(
      ids.map((id, n) => desks[n % 3]!.route(request(id, n % 2 === 0 ? {} : west))),
    );
    await Promise.all(others.map((one) => one.end()));
    expect(answers.filter((one) => one.routed.kind === "assigned")).toHaveLength(60);
    expect(await versions()).toHaveLength(2);
    for (const [n, row] of (await world.kept()).entries())
      expect(routeAgain(row.input)).toMatchObject({
        routed: answers[n]!.routed,
        candidates: answers[n]!.candidates,
      });
  });

  test("a choice or a queue without any pool is kept whole", async () => {
    await world.roster([rep("rp_a")], {});
    const ids = await world.handoffs(2);
    const nowhere = {
      known: { facts: {}, engagements: [], now },
      agreement: {
        ...request("x").agreement,
        routing: { ...request("x").agreement.routing, segments: [], territories: [] },
      },
    };
    const answers = [
      await world.ask(ids[0]!, nowhere),
      await world.ask(ids[1]!, { ...nowhere, assignTo: "rp_a" }),
    ];
    expect(answers.map((one) => one.routed.kind)).toEqual(["queue", "assigned"]);
    expect(await versions()).toEqual([]);
    for (const [n, row] of (await world.kept()).entries())
      expect(routeAgain(row.input)).toMatchObject({
        routed: answers[n]!.routed,
        candidates: answers[n]!.candidates,
      });
  });

  test("the lead's history shows the candidates, of old and of new rows", async () => {
    await world.roster([rep("rp_a"), rep("rp_b", { active: false })], {
      "east-sdr": { rp_a: 1, rp_b: 1 },
    });
    const ids = await world.handoffs(2);
    const answers = [await world.ask(ids[0]!), await world.ask(ids[1]!)];
    await world.pool.query(
      "update assignment set roster = null, record = null, candidates = $2, input = $3 where handoff_id = $1",
      [ids[0], JSON.stringify(answers[0]!.candidates), JSON.stringify(answers[0]!.input)],
    );
    for (const [n, id] of ids.entries()) {
      const [entry] = (await leadHistory(world.pool, `ld_${id}`, { limit: 50 })).filter(
        (one) => one.kind === "assignment",
      );
      expect(entry?.detail).toMatchObject({ rep: "rp_a", candidates: answers[n]!.candidates });
      expect(entry?.detail).not.toHaveProperty("kept");
    }
  });
});

test("assignments made before the migration are found, and judged the same", async () => {
  const source = fileURLToPath(new URL("../../../store/migrations/", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "baton-before-"));
  for (const name of readdirSync(source).filter((one) => one < "0010"))
    copyFileSync(join(source, name), join(folder, name));
  await world.roster([rep("rp_a"), rep("rp_b")], { "east-sdr": { rp_a: 1, rp_b: 1 } });
  const [id] = await world.handoffs(1);
  const before = await world.ask(id!);
  const database = await emptyDatabase();
  await migrate(database.url, () => undefined, folder);
  const pool = openPool(database.url);
  await pool.query(
    "insert into agreement_version (id, number, content, content_hash, state, created_at, " +
      "created_by) values ('ag_1', 1, '', '', 'active', now(), 'test')",
  );
  await pool.query(`
    insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
      priority, band, fit, intent, icp, mql_at)
    select i, 'lead', 'ld_' || i, 1, 'ag_1', 'demo-request', 'fast', 1, 'A', 0, 0, true, now()
      from unnest(array['ho_1', 'ho_2']) i`);
  await pool.query(
    "insert into rep (id, name, email, updated_at) values ('rp_a', 'A', 'a@example.com', now())",
  );
  await pool.query(
    "insert into assignment (handoff_id, round, rep_id, pool, via, candidates, input, at) " +
      "values ('ho_1', 1, 'rp_a', 'east-sdr', 'territory', $1, $2, now())",
    [JSON.stringify(before.candidates), JSON.stringify(withoutFacts(before.input))],
  );
  // A manager's assignment has no input at all.
  await pool.query(
    "insert into assignment (handoff_id, round, rep_id, via, candidates, at) values ('ho_2', " +
      "1, 'rp_a', 'manager', '[]', now())",
  );
  await migrate(database.url);
  expect(await routingDispatcher(pool).route(request("ho_1"))).toEqual({
    ...before,
    input: withoutFacts(before.input),
  });
  expect(routeAgain(before.input)).toMatchObject({
    routed: before.routed,
    candidates: before.candidates,
  });
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true });
});

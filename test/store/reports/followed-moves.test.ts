import { expect, test } from "vitest";
import { rows, sql } from "../../../store/postgres/db.ts";
import { withDatabase } from "../../support/database.ts";
import { seededRandom } from "../../support/generated-leads.ts";

/** What moves say of those that followed is what the moves say. SEED sets another order. */
const seed = Number(process.env["SEED"] ?? 118);
const random = seededRandom(seed);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const db = withDatabase();

const stages = ["new", "nurture", "mql", "sal", "renurture"] as const;
const begin = Date.parse("2026-06-01T00:00:00Z");

interface Move {
  readonly kind: string;
  readonly id: string;
  readonly cycle: number;
  readonly step: number;
  readonly from: string | null;
  readonly to: string;
  readonly at: Date;
}

/** Now and then two moves of one moment, or of one step. */
function move(n: number): Move {
  const kind = pick(["lead", "account"]);
  return {
    kind,
    // A lead and an account of one name are two subjects.
    id: pick(["ld_a", "ld_b", "ld_c"]),
    cycle: 1,
    step: random() < 0.8 ? n : n - 1,
    from: random() < 0.1 ? null : pick(stages),
    to: pick(stages),
    at: new Date(begin + Math.floor(random() < 0.7 ? n : random() * n) * 3_600_000),
  };
}

const add = (moves: readonly Move[]) =>
  db.pool.query(sql`
    insert into transition (subject_kind, subject_id, cycle, step, from_stage, to_stage, because, at)
    select kind, id, cycle, step, "from", "to", 'tried', at
    from jsonb_to_recordset(${JSON.stringify(moves)}::jsonb) as m(kind text, id text, cycle int,
      step int, "from" text, "to" text, at timestamptz) on conflict do nothing`);

const wrong = () =>
  rows(
    db.pool,
    sql`
    select t.* from transition t join moves_followed(array(select distinct subject_id
      from transition)) f on (f.subject_kind, f.subject_id, f.cycle, f.step, f.to_stage)
        = (t.subject_kind, t.subject_id, t.cycle, t.step, t.to_stage)
    where (t.next_at, t.left_at, t.left_to) is distinct from (f.next_at, f.left_at, f.left_to)`,
  );

test(`whether they come last, in between, together, are changed or removed (seed ${seed})`, async () => {
  for (let n = 1; n <= 120; n++) {
    const act = random();
    if (act < 0.6) await add([move(n)]);
    else if (act < 0.8) await add(Array.from({ length: 5 }, () => move(n)));
    else if (act < 0.9)
      await db.pool.query(sql`
        update transition set at = ${new Date(begin + Math.floor(random() * n) * 3_600_000)},
          from_stage = 'mql' where step = ${n - 3}`);
    else await db.pool.query(sql`delete from transition where step = ${n - 2}`);
    expect(await wrong()).toEqual([]);
  }
  const [{ n: followed } = { n: 0 }] = await rows<{ n: number }>(
    db.pool,
    sql`select count(*)::int as n from transition where left_at is not null`,
  );
  expect(followed).toBeGreaterThan(20);
}, 120_000);

test("a move that comes last is told to those before it and to nobody else's", async () => {
  await db.pool.query("truncate transition");
  const at = (hours: number) => new Date(begin + hours * 3_600_000);
  const one = { kind: "lead", id: "ld_a", cycle: 1, step: 0, from: null, to: "new", at: at(0) };
  await add([one, { ...one, kind: "account" }, { ...one, id: "ld_b" }]);
  await add([{ ...one, step: 1, from: "new", to: "mql", at: at(1) }]);
  await add([{ ...one, step: 2, from: "nurture", to: "sal", at: at(2) }]);
  const kept = await rows(
    db.pool,
    sql`select subject_kind as kind, subject_id as id, step, next_at, left_at, left_to
      from transition order by 2, 1, 3`,
  );
  const nothing = { next_at: null, left_at: null, left_to: null };
  expect(kept).toEqual([
    { kind: "account", id: "ld_a", step: 0, ...nothing },
    { kind: "lead", id: "ld_a", step: 0, next_at: at(1), left_at: at(1), left_to: "mql" },
    { kind: "lead", id: "ld_a", step: 1, next_at: at(2), left_at: null, left_to: null },
    { kind: "lead", id: "ld_a", step: 2, ...nothing },
    { kind: "lead", id: "ld_b", step: 0, ...nothing },
  ]);
});

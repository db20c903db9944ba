import { afterAll, beforeAll, expect, test } from "vitest";
import { rows, sql } from "../../store/postgres/db.ts";
import { bodyRoutes } from "./hostile/bodies.ts";
import { hostileWorld, type HostileWorld } from "./hostile/world.ts";

/**
 * A repeat under its key gives the first answer also where the first's sender never heard it: the
 * answer is written by the transaction that does what was asked, or neither is.
 */
let world: HostileWorld;
beforeAll(async () => {
  world = await hostileWorld();
});
afterAll(() => world.close());

/** Actions are known again by the key itself, tracking by its message ids; simulate writes nothing. */
const otherwise = /^POST \/(leads\/\{id\}\/|v1\/|simulate$|reviews\/)/;
const keyed = bodyRoutes.filter(({ route }) => route.startsWith("POST ") && !otherwise.test(route));

test.each(keyed.map(({ route, path, good }) => ({ route, path, good })))(
  "$route keeps its answer with what it does, and does it once",
  async ({ route, path, good }) => {
    const key = `kept-${route}`.replaceAll(/[^\w-]/g, "-");
    const given = good();
    // The content that is active already changes nothing.
    const body = JSON.stringify(
      "content" in given ? { ...given, content: `${String(given.content)}# anew\n` } : given,
    );
    const send = () =>
      world.send("POST", world.at(path), { body, headers: { "idempotency-key": key } });
    const first = await send();
    expect(first.status, first.text).toBeLessThan(300);
    const { pool } = world.people;
    const tables = await rows<{ t: string }>(
      pool,
      sql`select table_name as t from information_schema.tables where table_schema = 'public'
        and table_type = 'BASE TABLE' and table_name <> 'idempotency_key'`,
    );
    const [kept] = await rows<{ state: string; with: string[] }>(pool, {
      text: `select state, array(
          ${tables.map(({ t }) => `select '${t}' from "${t}" where xmin = k.xmin`).join(" union ")}
        ) as "with" from idempotency_key k where key = $1`,
      values: [key],
    });
    expect(kept?.state).toBe("done");
    expect(kept?.with).not.toEqual([]);
    const before = await world.snapshot();
    const again = await send();
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    expect(await world.snapshot()).toEqual(before);
  },
);

test("every route that could do something twice is tried", () => {
  expect(keyed.map(({ route }) => route)).toEqual(
    expect.arrayContaining([
      "POST /leads",
      "POST /tasks/{id}/done",
      "POST /tasks/{id}/conflict-decision",
      "POST /agreement/versions",
      "POST /house/leads",
      "POST /house/leads/{id}/status",
      "POST /house/leads/{id}/owner",
      "POST /house/leads/{id}/outreach",
      "POST /house/leads/{id}/opportunities",
      "POST /house/leads/{id}/merge",
    ]),
  );
});

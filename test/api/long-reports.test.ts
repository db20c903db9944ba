import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { main } from "../../cli/main.ts";
import { peopleWorld, type PeopleWorld } from "../support/people-world.ts";
import { signedIn, type Visitor } from "../support/visitor.ts";

/** Longer than a request has by itself. */
const seconds = 3;

let world: PeopleWorld;
let visitor: Visitor;
beforeAll(async () => {
  world = await peopleWorld();
  await world.lead("rp_one", { waitingOn: "answer" });
  visitor = await signedIn({ ...world, now: world.now() }, { role: "revops" });
  await world.pool.query("alter table handoff rename to kept_handoff");
  await waitFor(seconds);
});
afterAll(() => world.close());

/** From now on whoever looks at handoffs waits first. */
async function waitFor(ofSeconds: number): Promise<void> {
  await world.pool.query(`
    create or replace view handoff as
      with s as materialized (select pg_sleep(${ofSeconds}))
      select h.* from kept_handoff h where (select count(*) from s) > 0`);
}

const days = "from=2026-11-01&to=2026-11-23";
const asked = "from=2026-11-01T00:00:00Z&to=2026-11-24T00:00:00Z";

async function timed<T>(answer: Promise<T>): Promise<T & { readonly isLong: boolean }> {
  const began = performance.now();
  const told = await answer;
  return { ...told, isLong: performance.now() - began > seconds * 1_000 };
}

describe("a report that takes longer to count than a request has", () => {
  test("is answered as JSON, table and picture", async () => {
    const ask = (ending: string) =>
      timed(world.ask("GET", `/reports/bands${ending}?${asked}&groupBy=rep`, { as: "revops" }));
    const [json, table] = await Promise.all([ask(""), ask(".csv")]);
    expect([json.status, json.isLong, json.body.rows.length]).toEqual([200, true, 1]);
    expect([table.status, table.isLong]).toEqual([200, true]);
    expect(table.body.trim().split("\n").length).toBe(2);
    const picture = await ask(".svg");
    expect([picture.status, picture.isLong]).toEqual([200, true]);
    expect(picture.body).toContain("<svg");
  });

  test("is a page of the console, beside which others are answered", async () => {
    const page = timed(visitor.get(`/console/reports/bands?${days}&groupBy=rep`));
    expect(await timed(visitor.get("/console/tasks"))).toMatchObject({
      status: 200,
      isLong: false,
    });
    const { status, isLong, text } = await page;
    expect([status, isLong]).toEqual([200, true]);
    expect(text).toContain("Person rp_one");
  });

  test("is refused beside two others on a page that says what to do", async () => {
    const path = `/console/reports/bands?${days}`;
    const pages = await Promise.all([1, 2, 3].map(() => timed(visitor.get(path))));
    const [refused, ...others] = pages.filter(({ status }) => status !== 200);
    expect([refused?.status, others]).toEqual([503, []]);
    expect([refused?.isLong, refused?.headers.get("retry-after")]).toEqual([false, "10"]);
    const words = refused?.text.replaceAll(/<[^>]+>/g, " ").replaceAll(/\s+/g, " ");
    expect(words).toContain("ask again in 10 seconds, or ask about less: a shorter period");
    expect(words).toContain("Try again");
    // The bar is there: the reader has not left the console.
    expect(refused?.text).toContain('href="/console/figures"');
  });

  test("is printed by `baton report`, however long it takes", async () => {
    await waitFor(10.5);
    vi.stubEnv("DATABASE_URL", world.databaseUrl);
    try {
      const lines: string[] = [];
      const say = (line: string) => void lines.push(line);
      const command = ["report", "bands", "--to", "2026-11-24", "--group-by", "rep"];
      expect([await main(command, { out: say, err: say }), lines.length]).toEqual([0, 2]);
    } finally {
      vi.unstubAllEnvs();
      await waitFor(seconds);
    }
  });
});

import { afterEach, describe, expect, test } from "vitest";
import type { RateLimits } from "../../../api/deps.ts";
import { consoleRoutes } from "../../../api/console/app.tsx";
import { intakeRoutes } from "../../../api/intake.ts";
import { queueRoutes } from "../../../api/queue.ts";
import { createToken } from "../../../store/access/tokens.ts";
import { apiWorld, type ApiWorld } from "../../support/api-world.ts";
import { smallAgreement } from "../../support/small-agreement.ts";
import { signedIn } from "../../support/visitor.ts";

let world: ApiWorld | undefined;
afterEach(() => world?.close());

const unlimited: RateLimits = { perToken: 0, perAddress: 0, trustedProxies: [] };
const limited = (limits: Partial<RateLimits>) =>
  apiWorld(smallAgreement, [intakeRoutes, queueRoutes], { rates: { ...unlimited, ...limits } });

/** Status and Retry-After of so many requests, one after the other. */
async function many(
  count: number,
  ask: (n: number) => Promise<Response>,
): Promise<[status: number, wait: string | null][]> {
  const all: [number, string | null][] = [];
  for (let n = 0; n < count; n++) {
    const answer = await ask(n);
    await answer.text();
    all.push([answer.status, answer.headers.get("retry-after")]);
  }
  return all;
}
const statuses = (all: readonly [number, unknown][]) => all.map(([status]) => status);

describe("a token that asks too often", () => {
  test("is told to wait, and others go on", async () => {
    world = await limited({ perToken: 1 });
    const { url, as } = await listening(world);
    const asked = await many(12, () => as("operator"));
    expect(statuses(asked)).toEqual([...Array<number>(10).fill(200), 429, 429]);
    expect(Number(asked[11]?.[1])).toBeGreaterThanOrEqual(1);
    expect(Number(asked[11]?.[1])).toBeLessThanOrEqual(10);
    expect((await as("marketing")).status).toBe(200);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const refused = await as("operator");
    expect(await refused.json()).toMatchObject({
      code: "too-many-requests",
      detail: expect.stringContaining("at most 1 requests a second with one token"),
    });
  });

  test("of a rep may ask a tenth of it", async () => {
    world = await limited({ perToken: 2 });
    const now = Date.parse("2026-11-20T12:00:00Z");
    await world.pool.query(
      "insert into rep (id, name, email, role, active, updated_at) values ('rp_one', 'One', " +
        "'one@example.com', 'rep', true, now())",
    );
    const { secret } = await createToken(
      world.pool,
      { role: "rep", repId: "rp_one", label: "test" },
      now,
    );
    const { with: ask } = await listening(world);
    expect(statuses(await many(3, () => ask(secret)))).toEqual([200, 200, 429]);
  });

  test("is not a person whose pages listen", async () => {
    world = await apiWorld(smallAgreement, [consoleRoutes], {
      rates: { ...unlimited, perToken: 1 },
    });
    const now = Date.parse("2026-11-20T12:00:00Z");
    const person = await signedIn({ ...world, now }, { role: "operator" });
    for (let n = 0; n < 30; n++) expect((await person.get("/console/live")).status).toBe(204);
    const asked = await many(12, async () => {
      const { status, headers } = await person.get("/console/me");
      return new Response(null, { status, headers });
    });
    expect(statuses(asked)).toContain(200);
    expect(statuses(asked)).toContain(429);
  });
});

describe("an address that asks too often", () => {
  test("is told to wait, whatever token or header it sends; health is free", async () => {
    world = await limited({ perAddress: 1 });
    const { url, as } = await listening(world);
    const roles = ["operator", "marketing"] as const;
    const asked = await many(12, (n) =>
      as(roles[n % 2] ?? "operator", { "x-forwarded-for": `192.0.2.${n}` }),
    );
    expect(statuses(asked)).toEqual([...Array<number>(10).fill(200), 429, 429]);
    expect(statuses(await many(5, () => fetch(`${url}/healthz`)))).toEqual(
      Array<number>(5).fill(200),
    );
  });

  test("is the one of which a trusted proxy speaks, and what stands before it is hearsay", async () => {
    world = await limited({ perAddress: 0.2, trustedProxies: ["127.0.0.0/8", "10.0.0.0/8"] });
    const { as } = await listening(world);
    const from = (address: string) => () => as("operator", { "x-forwarded-for": address });
    expect(statuses(await many(3, from("192.0.2.1, 10.1.1.1")))).toEqual([200, 200, 429]);
    expect(statuses(await many(1, from("203.0.113.9, 192.0.2.1, 10.9.9.9")))).toEqual([429]);
    expect(statuses(await many(2, from("192.0.2.2")))).toEqual([200, 200]);
    // One network of 64 bits is one sender.
    expect(statuses(await many(2, from("2001:db8::1")))).toEqual([200, 200]);
    expect(statuses(await many(1, from("2001:db8:0:0:ffff::2")))).toEqual([429]);
    expect(statuses(await many(1, from("2001:db8:0:1::2")))).toEqual([200]);
  });
});

test("many wrong tokens slow their address down, and tokens that were right go on", async () => {
  world = await limited({});
  const { as, with: ask } = await listening(world);
  expect((await as("operator")).status).toBe(200);
  expect(statuses(await many(20, (n) => ask(`baton_wrong${n}`)))).toEqual(
    Array<number>(20).fill(401),
  );
  const more = await Promise.all(Array.from({ length: 10 }, (_, n) => ask(`baton_more${n}`)));
  expect(more.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(8);
  expect(more.find(({ status }) => status === 429)?.headers.get("retry-after")).toBe("1");
  expect((await as("operator")).status).toBe(200);
});

async function listening(of: ApiWorld) {
  const url = await of.listen();
  const ask = (secret: string, headers: Record<string, string> = {}) =>
    fetch(`${url}/queue`, { headers: { authorization: `Bearer ${secret}`, ...headers } });
  return {
    url,
    with: ask,
    as: (role: "operator" | "marketing", headers: Record<string, string> = {}) =>
      ask(of.token(role), headers),
  };
}

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newRoutes } from "../../../api/deps.ts";
import { apiWorld } from "../../support/api-world.ts";
import { peopleWorld, type PeopleWorld } from "../../support/people-world.ts";
import { smallAgreement } from "../../support/small-agreement.ts";

let world: PeopleWorld;
beforeAll(async () => {
  world = await peopleWorld();
  await world.pool.query(`
    insert into import (id, file_hash, map_hash, map, state, started_at, header, delimiter)
    values ('im_one', 'file', 'map', '{}', 'done', now(), '{E-mail}', ',')`);
});
afterAll(() => world.close());

const common = (headers: Headers) => [
  headers.get("cache-control"),
  headers.get("x-content-type-options"),
];
const both = ["no-store", "nosniff"];

describe("every answer says no-store and nosniff", () => {
  test.each([
    ["/imports/im_one/errors.csv", "text/csv"],
    ["/reports/conservation.csv", "text/csv"],
    ["/reports/funnel.csv", "text/csv"],
    ["/reports/funnel.svg", "image/svg+xml"],
    ["/roster", "application/yaml"],
    ["/metrics", "text/plain"],
    ["/docs", "text/html"],
    ["/docs.js", "text/javascript"],
  ])("%s as %s", async (path, type) => {
    const { status, headers } = await world.ask("GET", path, { headers: { accept: type } });
    expect([status, headers.get("content-type")]).toEqual([200, expect.stringContaining(type)]);
    expect(common(headers)).toEqual(both);
  });

  test("every route that can be read, with what is there and with what is not", async () => {
    const id = await world.lead("rp_one");
    const paths = new Set(
      world.app.routes.filter(({ method }) => method === "GET").map(({ path }) => path),
    );
    expect(paths.size).toBeGreaterThan(40);
    for (const path of paths)
      for (const given of [id, "im_one", "none"]) {
        const { headers } = await world.ask("GET", path.replace(/:\w+(\{.*?\})?/g, given));
        expect(common(headers), `${path} of ${given}`).toEqual(both);
        if (!path.includes(":")) break;
      }
  });

  test("also one that a route makes by itself", async () => {
    const own = await apiWorld(smallAgreement, [
      () => newRoutes().get("/queue", () => new Response("a,b\n", { status: 206 })) as never,
    ]);
    try {
      const { status, headers, body } = await own.ask("GET", "/queue");
      expect([status, body, ...common(headers)]).toEqual([206, "a,b\n", ...both]);
    } finally {
      await own.close();
    }
  });
});

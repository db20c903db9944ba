import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readCompose, scriptOf, serverVersionOf } from "../../chaos/deployment/compose.ts";
import { batonPools, temporalPools } from "../../chaos/deployment/pools.ts";
import { mostConnections } from "../../store/postgres/pools.ts";

describe("the rehearsal of a deployment carries docker-compose.yml out", () => {
  const compose = readCompose();
  const command = (service: string) => scriptOf(compose.services[service]?.command?.[0]);

  test("it builds the server that the file names, and knows when the file names none", () => {
    expect(serverVersionOf(compose)).toMatch(/^\d+\.\d+\.\d+$/);
    const latest = { services: { temporal: { image: "temporalio/server:latest" } }, configs: {} };
    expect(() => serverVersionOf(latest)).toThrow(/no version/);
  });

  test("it runs the scripts of the file, which lie where it looks for them", () => {
    expect(scriptOf(compose.configs["database-users"]?.content)).toMatch(/"\$BATON_PASSWORD"/);
    expect(command("temporal-schema")).toMatch(
      /temporal-sql-tool --db \$database update-schema -d \/etc\/temporal\/schema\//,
    );
    expect(command("temporal-namespace")).toMatch(/temporal operator namespace create -n baton /);
    expect(compose.configs["temporal-dynamic-config"]?.content).toMatch(/limit\.maxIDLength/);
  });
});

describe("the pools that docs/running.md recommends beside Temporal on one Postgres", () => {
  const text = readFileSync(new URL("../../docs/running.md", import.meta.url), "utf8");
  /** A row of the table: its settings, and the connections that it says they are. */
  const row = (named: string) => {
    const found = new RegExp(String.raw`^\| ${named} \| .([^|]+). \| (\d+) \|$`, "m").exec(text);
    const settings = (found?.[1] ?? "").split(" ").map((one) => one.split("="));
    return { settings: Object.fromEntries(settings) as unknown, most: Number(found?.[2]) };
  };
  const { API_CONNECTIONS, API_KEY_CONNECTIONS, ...ofWorker } = batonPools;
  const api = mostConnections("api", {
    pool: Number(API_CONNECTIONS),
    keyed: Number(API_KEY_CONNECTIONS),
  });
  const worker = mostConnections("worker", {
    pool: Number(ofWorker.WORKER_CONNECTIONS),
    repeatable: Number(ofWorker.WORKER_REPEATABLE_CONNECTIONS),
  });
  const { SQL_MAX_CONNS, SQL_VIS_MAX_CONNS } = temporalPools;
  const temporal = 4 * (Number(SQL_MAX_CONNS) + Number(SQL_VIS_MAX_CONNS));

  test("are those of the rehearsal, with the connections that they are", () => {
    expect(row("each API")).toEqual({
      settings: { API_CONNECTIONS, API_KEY_CONNECTIONS },
      most: api,
    });
    expect(row("each worker")).toEqual({ settings: ofWorker, most: worker });
    expect(row("Temporal's server")).toEqual({ settings: temporalPools, most: temporal });
  });

  test("fit into the default of Postgres while a third API or worker takes over", () => {
    const [allowed, byHand] = [100 - 3, 3];
    const rolling = [
      [3, 2],
      [2, 3],
    ] as const;
    const most = rolling.map(([apis, workers]) => apis * api + workers * worker + temporal);
    expect(Math.max(...most) + byHand).toBeLessThanOrEqual(allowed);
    expect(text).toContain(`${Math.max(...most)} of the ${allowed} that users may have`);
  });
});

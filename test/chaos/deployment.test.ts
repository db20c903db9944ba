import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readCompose, scriptOf, serverVersionOf } from "../../chaos/deployment/compose.ts";
import { batonPools, temporalPools } from "../../chaos/deployment/pools.ts";
import { settingsOf } from "../../settings/settings.ts";
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
  /** What an API and a worker may open with these settings. */
  const mostOf = (pools: Readonly<Record<string, string>>) => {
    const of = settingsOf("baton", pools);
    return {
      api: mostConnections("api", { pool: of.API_CONNECTIONS, keyed: of.API_KEY_CONNECTIONS }),
      worker: mostConnections("worker", {
        pool: of.WORKER_CONNECTIONS,
        repeatable: of.WORKER_REPEATABLE_CONNECTIONS,
      }),
    };
  };
  const { api, worker } = mostOf(batonPools);
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

  test("on Kubernetes, which replaces one API and one worker at the same time, are as it says", () => {
    const three = (pools: Readonly<Record<string, string>>) => {
      const most = mostOf(pools);
      return 3 * (most.api + most.worker);
    };
    expect(text).toContain(
      `${three({})} connections with the default pools, ${three(batonPools)} with those of`,
    );
  });
});

import { describe, expect, test } from "vitest";
import { readCompose, scriptOf, serverVersionOf } from "../../chaos/deployment/compose.ts";

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

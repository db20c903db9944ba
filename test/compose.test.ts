import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const read = (path: string) => readFileSync(`${ROOT}${path}`, "utf8");

type Service = {
  image?: string;
  build?: string;
  command?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  configs?: { source: string; target: string }[];
};
type Compose = {
  services: Record<string, Service>;
  configs: Record<string, { content: string }>;
  volumes: Record<string, unknown>;
};

const compose = parse(read("docker-compose.yml"), { merge: true }) as Compose;
const services = Object.entries(compose.services);

/** What the images' own start scripts and configuration templates read (server 1.32.0, UI 2.50.1, postgres 18). */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  postgres: ["POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"],
  "temporalio/server": [
    "DB",
    "DB_PORT",
    "POSTGRES_SEEDS",
    "POSTGRES_USER",
    "POSTGRES_PWD",
    "NUM_HISTORY_SHARDS",
    "BIND_ON_IP",
    "DYNAMIC_CONFIG_FILE_PATH",
    "LOG_LEVEL",
  ],
  "temporalio/admin-tools": [
    "SQL_PLUGIN",
    "SQL_HOST",
    "SQL_PORT",
    "SQL_USER",
    "SQL_PASSWORD",
    "TEMPORAL_ADDRESS",
  ],
  "temporalio/ui": ["TEMPORAL_ADDRESS", "TEMPORAL_UI_PORT", "TEMPORAL_DEFAULT_NAMESPACE"],
};

/** The names our own entry points read from the environment. */
function ourNames(): string {
  const environments = ["api", "worker", "cli"].flatMap((folder) =>
    readdirSync(`${ROOT}${folder}`)
      .filter((name) => name === "env.ts" || name === "server.ts" || name === "main.ts")
      .map((name) => `${folder}/${name}`),
  );
  return environments.map(read).join("\n");
}

describe("docker-compose.yml", () => {
  test("has every part of a real deployment", () => {
    expect(Object.keys(compose.services)).toEqual(
      expect.arrayContaining(["postgres", "temporal", "temporal-ui", "migrate", "worker", "api"]),
    );
    expect(Object.keys(compose.volumes)).toContain("postgres");
  });

  test.each(services)("%s has an image with a fixed version", (_, service) => {
    expect(service.image).toMatch(/^[\w./-]+:(\d+(\.\d+)*|local)$/);
  });

  test.each(services)("%s gets only settings that its program reads", (_, service) => {
    const image = service.image?.split(":")[0] ?? "";
    const ours = ourNames();
    const unknown = Object.keys(service.environment ?? {}).filter((name) =>
      image === "baton" ? !new RegExp(`\\b${name}\\b`).test(ours) : !KNOWN[image]?.includes(name),
    );
    expect(unknown).toEqual([]);
  });

  test.each(services.filter(([, service]) => service.ports))(
    "%s is reachable from this machine only",
    (_, service) => {
      expect(service.ports?.every((port) => port.startsWith("127.0.0.1:"))).toBe(true);
    },
  );

  test.each(services)("%s waits for what it needs, in a way that can come true", (_, service) => {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      const other = compose.services[name];
      expect(other, `${name} exists`).toBeDefined();
      if (condition === "service_healthy")
        expect(other?.healthcheck, `${name} can be healthy`).toBeDefined();
      else expect(condition).toBe("service_completed_successfully");
    }
  });

  test("worker and API start only after the migration, the migration after both servers", () => {
    for (const name of ["worker", "api"])
      expect(compose.services[name]?.depends_on).toHaveProperty("migrate");
    expect(compose.services["migrate"]?.depends_on).toHaveProperty(["temporal-namespace"]);
    expect(compose.services["migrate"]?.depends_on).toHaveProperty("postgres");
  });

  test("every program it starts exists, and every config file it mounts is defined", () => {
    const scripts = services
      .flatMap(([, service]) => (service.build ? (service.command ?? []) : []))
      .filter((word) => /\.(ts|mjs)$/.test(word));
    expect(scripts).toEqual(["cli/baton.mjs", "worker/main.ts", "api/server.ts"]);
    for (const script of scripts) expect(read(script)).not.toBe("");
    const mounted = services.flatMap(([, service]) => service.configs ?? []);
    for (const { source } of mounted)
      expect(parse(compose.configs[source]?.content ?? "")).toBeTypeOf("object");
  });

  test("no secret has a default", () => {
    const secrets =
      read("docker-compose.yml").match(/\$\{(POSTGRES_PASSWORD|OPERATOR_TOKEN)[^}]*\}/g) ?? [];
    expect(secrets.length).toBeGreaterThan(0);
    expect(secrets.filter((secret) => !secret.includes(":?"))).toEqual([]);
    for (const name of ["POSTGRES_PASSWORD", "OPERATOR_TOKEN"])
      expect(read(".env.example")).toMatch(new RegExp(`^${name}=$`, "m"));
  });
});

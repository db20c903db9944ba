import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { settings, settingsOf } from "../settings/settings.ts";
import { mostConnections } from "../store/postgres/pools.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const read = (path: string) => readFileSync(`${ROOT}${path}`, "utf8");

type Service = {
  image?: string;
  build?: string;
  command?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
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

/**
 * What the images' own start scripts and configuration templates read (server 1.32.0, UI 2.53.3,
 * postgres 18).
 */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  // The last two are read by the script that makes the users.
  postgres: ["POSTGRES_USER", "POSTGRES_PASSWORD", "BATON_PASSWORD", "TEMPORAL_PASSWORD"],
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
  "temporalio/ui": [
    "TEMPORAL_ADDRESS",
    "TEMPORAL_UI_PORT",
    "TEMPORAL_DEFAULT_NAMESPACE",
    "TEMPORAL_DISABLE_WRITE_ACTIONS",
  ],
};

describe("docker-compose.yml", () => {
  test("has every part of a real deployment", () => {
    expect(Object.keys(compose.services)).toEqual(
      expect.arrayContaining(["postgres", "temporal", "temporal-ui", "migrate", "worker", "api"]),
    );
    expect(Object.keys(compose.volumes)).toContain("postgres");
  });

  test("the worker notes the head of the audit trail on a volume that is not the database's", () => {
    const { worker, postgres } = compose.services;
    const folder = worker?.volumes?.[0]?.split(":") ?? [];
    expect(worker?.environment?.["AUDIT_ANCHORS"]).toMatch(new RegExp(`^${folder[1]}/`));
    expect(Object.keys(compose.volumes)).toContain(folder[0]);
    expect(postgres?.volumes?.join()).not.toContain(folder[0]);
    // A volume is its user's as the image has the folder.
    expect(read("Dockerfile")).toContain(`chown node:node ${folder[1]}`);
  });

  test("the Temporal UI, which anybody's page can reach under a name of its own, only shows", () => {
    const ui = compose.services["temporal-ui"]?.environment ?? {};
    expect(ui["TEMPORAL_DISABLE_WRITE_ACTIONS"]).toBe("true");
  });

  test.each(services)("%s has an image by version and digest, or Baton's own", (_, service) => {
    expect(service.image).toMatch(/^(baton:local|[\w./-]+:\d+(\.\d+)+@sha256:[0-9a-f]{64})$/);
  });

  test.each(services)("%s gets only settings that its program reads", (_, service) => {
    const image = service.image?.split(":")[0] ?? "";
    const known = image === "baton" ? Object.keys(settings) : (KNOWN[image] ?? []);
    const unknown = Object.keys(service.environment ?? {}).filter((name) => !known.includes(name));
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

  test("every command it starts exists, and every config file it mounts is defined", () => {
    const commands = services.flatMap(([, service]) =>
      service.build ? [service.command?.[0]] : [],
    );
    expect(commands).toEqual(["migrate", "worker", "api"]);
    for (const name of commands)
      expect(read(`cli/commands/${name}.ts`)).toContain(`name: "${name}"`);
    expect(read("Dockerfile")).toMatch(/^FROM node:[\d.]+-bookworm-slim@sha256:[0-9a-f]{64}$/m);
    expect(read("Dockerfile")).toContain('ENTRYPOINT ["node", "cli/baton.mjs"]');
    const mounted = services.flatMap(([, service]) => service.configs ?? []);
    for (const { source, target } of mounted) {
      const content = compose.configs[source]?.content ?? "";
      if (target.endsWith(".yaml")) expect(parse(content)).toBeTypeOf("object");
      else expect(content).toMatch(/^#!\/bin\/sh\n/);
    }
  });

  test("the worker's health is the age of the file that it writes", () => {
    const worker = compose.services["worker"];
    const file = join(mkdtempSync(join(tmpdir(), "baton-worker-")), "ready");
    const [kind, command = ""] = worker?.healthcheck?.test ?? [];
    expect(kind).toBe("CMD-SHELL");
    const written = worker?.environment?.["WORKER_READY_FILE"] ?? "";
    expect(command).toContain(written);
    // Compose writes a dollar sign as two.
    const asked = command.replaceAll("$$", "$").replace(written, file);
    const isHealthy = () => spawnSync("sh", ["-c", asked]).status === 0;
    expect(isHealthy()).toBe(false);
    writeFileSync(file, "now\n");
    expect(isHealthy()).toBe(true);
    const before = Date.now() / 1_000 - 60;
    utimesSync(file, before, before);
    expect(isHealthy()).toBe(false);
  });

  test("no secret has a default", () => {
    const secrets =
      read("docker-compose.yml").match(/\$\{(\w+_PASSWORD|OPERATOR_TOKEN)[^}]*\}/g) ?? [];
    expect(secrets.length).toBeGreaterThan(0);
    expect(secrets.filter((secret) => !secret.includes(":?"))).toEqual([]);
    for (const name of [
      "POSTGRES_PASSWORD",
      "BATON_PASSWORD",
      "TEMPORAL_PASSWORD",
      "OPERATOR_TOKEN",
    ])
      expect(read(".env.example")).toMatch(new RegExp(`^${name}=$`, "m"));
  });

  test("Postgres allows what two workers, two APIs and Temporal's server may open", () => {
    const given = (compose.services["postgres"]?.command ?? []).join(" ");
    const allowed = Number(/max_connections=(\d+)/.exec(given)?.[1]) - 3;
    const needed = { DATABASE_URL: "postgres://x", TEMPORAL_ADDRESS: "127.0.0.1:7233" };
    const { API_CONNECTIONS: pool, API_KEY_CONNECTIONS: keyed } = settingsOf("api", needed);
    const worker = settingsOf("worker", needed);
    const most =
      2 * mostConnections("api", { pool, keyed }) +
      2 *
        mostConnections("worker", {
          pool: worker.WORKER_CONNECTIONS,
          repeatable: worker.WORKER_REPEATABLE_CONNECTIONS,
        });
    // Frontend, history, matching and worker, each with a pool for data and one for visibility.
    const temporal = 4 * (20 + 10);
    expect(most + temporal).toBeLessThan(allowed - 50);
  });

  test("Baton and Temporal have a user of the database each, and neither is its superuser", () => {
    const { postgres, temporal, "temporal-schema": schema, worker } = compose.services;
    const baton = new URL(worker?.environment?.["DATABASE_URL"]?.replace(/\$\{.*\}/, "x") ?? "");
    const users = [
      postgres?.environment?.["POSTGRES_USER"],
      temporal?.environment?.["POSTGRES_USER"],
      baton.username,
    ];
    expect(new Set(users).size).toBe(3);
    expect(schema?.environment?.["SQL_USER"]).toBe(users[1]);
    const script = compose.configs["database-users"]?.content ?? "";
    for (const user of users.slice(1)) expect(script).toContain(`create role ${user} login`);
    expect(script).not.toMatch(/superuser/i);
  });
});

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureOperatorToken } from "../../store/access/tokens.ts";
import { temporalConnection, temporalTrouble } from "../../temporal/connection.ts";
import { nativeConnection } from "../../temporal/native.ts";
import { temporalProfileOf, type TemporalProfile } from "../../temporal/profile.ts";
import { eventually } from "../support/eventually.ts";
import { testPort } from "../support/ports.ts";
import { run, type Program } from "../support/program.ts";
import {
  certificateAuthority,
  issuedBy,
  tlsFront,
  type Credentials,
  type TlsFront,
} from "../support/tls-front.ts";
import { freshDatabase, temporalServer, type FreshDatabase } from "../support/world.ts";

const apiKey = `key.${randomBytes(12).toString("hex")}`;
const root = fileURLToPath(new URL("../../", import.meta.url));

let folder: string;
let namespace: string;
let ca: Credentials;
let front: TlsFront;
/** What a connection through the front needs, as an operator would say it. */
let env: Record<string, string>;
const at = (name: string) => join(folder, name);
const profileWith = (other: Record<string, string>): TemporalProfile => {
  const profile = temporalProfileOf({ ...env, ...other });
  if (!profile) throw new Error("no address");
  return profile;
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-tls-"));
  const server = await temporalServer();
  ({ namespace } = server);
  ca = await certificateAuthority();
  const [own, client] = await Promise.all([issuedBy(ca, "temporal"), issuedBy(ca, "baton")]);
  front = await tlsFront(server.address, { own, clientCa: ca.cert, apiKey });
  writeFileSync(at("ca.pem"), ca.cert);
  writeFileSync(at("client.pem"), client.cert);
  writeFileSync(at("client.key"), client.key);
  env = {
    TEMPORAL_ADDRESS: front.address,
    TEMPORAL_NAMESPACE: namespace,
    TEMPORAL_API_KEY: apiKey,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: at("ca.pem"),
    TEMPORAL_TLS_CLIENT_CERT_PATH: at("client.pem"),
    TEMPORAL_TLS_CLIENT_KEY_PATH: at("client.key"),
  };
}, 120_000);
afterAll(async () => {
  await front?.close();
  rmSync(folder, { recursive: true });
});

describe("a server that asks for a client certificate and a key", () => {
  test("answers whoever shows both, over the client's connection and the worker's", async () => {
    const profile = profileWith({});
    expect(await temporalTrouble(profile, 5_000)).toBeNull();
    const connections = [
      temporalConnection(profile, { connectTimeoutMs: 5_000 }),
      await nativeConnection(profile),
    ];
    for (const connection of connections) {
      const before = front.calls();
      const client = new Client({ connection, namespace });
      const { count } = await client.withDeadline(Date.now() + 5_000, () =>
        client.workflow.count("LeadStage = 'no-such-stage'"),
      );
      expect([count, front.calls() > before]).toEqual([0, true]);
      await connection.close();
    }
  });

  test.each<[string, () => Record<string, string>, RegExp]>([
    [
      "another key",
      () => ({ TEMPORAL_API_KEY: "key.of-somebody-else" }),
      /^it refuses the API key or the client certificate$/,
    ],
    [
      "no client certificate",
      () => ({ TEMPORAL_TLS_CLIENT_CERT_PATH: "", TEMPORAL_TLS_CLIENT_KEY_PATH: "" }),
      /^no answer: /,
    ],
    [
      "no word of its authority",
      () => ({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: "" }),
      /^no answer: .*certificate/,
    ],
    [
      "a name that is not the server's",
      () => ({ TEMPORAL_TLS_SERVER_NAME: "other.internal" }),
      /^no answer: .*other\.internal/,
    ],
    ["no TLS at all", () => ({ TEMPORAL_TLS: "false" }), /^no answer: /],
    [
      "a namespace that is not there",
      () => ({ TEMPORAL_NAMESPACE: "nowhere" }),
      /^it has no namespace "nowhere"$/,
    ],
  ])("is of no use with %s, and that is said", async (_, other, sentence) => {
    const said = await temporalTrouble(profileWith(other()), 3_000);
    expect(said).toMatch(sentence);
    expect(said).not.toContain(apiKey);
  });
});

describe("migrate, worker and API through that server, by a profile of a file", () => {
  let database: FreshDatabase;
  const programs: Program[] = [];
  let settings: Record<string, string>;
  const token = "bt_a-token-for-the-connection-test";
  const baton = (command: string, more: Record<string, string> = {}): Program => {
    const program = run(process.execPath, ["cli/baton.mjs", ...command.split(" ")], {
      cwd: root,
      env: { ...settings, ...more },
    });
    programs.push(program);
    return program;
  };

  beforeAll(async () => {
    database = await freshDatabase();
    await ensureOperatorToken(database.pool, token, Date.now());
    writeFileSync(
      at("temporal.toml"),
      `[profile.cloud]
address = "${front.address}"
namespace = "${namespace}"
api_key = "${apiKey}"
[profile.cloud.tls]
server_ca_cert_path = "${at("ca.pem")}"
client_cert_path = "${at("client.pem")}"
client_key_path = "${at("client.key")}"
`,
    );
    settings = {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "/",
      DATABASE_URL: database.url,
      PORT: String(await testPort()),
      BATON_TASK_QUEUE: `tls-${randomBytes(4).toString("hex")}`,
      TEMPORAL_CONFIG_FILE: at("temporal.toml"),
      TEMPORAL_PROFILE: "cloud",
    };
  });
  afterAll(async () => {
    for (const program of programs) program.signal("SIGTERM");
    await Promise.all(programs.map(({ exit }) => exit));
    const connection = temporalConnection(profileWith({}), { connectTimeoutMs: 5_000 });
    const client = new Client({ connection, namespace });
    // The worker's own Schedules stand on the server that other tests use too.
    for (const id of ["reconcile", "review-monthly", "review-quarterly"])
      await client.schedule
        .getHandle(id)
        .delete()
        .catch(() => undefined);
    await connection.close();
    await database.drop();
  });

  test("a lead goes from the form to a person, and all is well", { timeout: 240_000 }, async () => {
    const migrated = baton("migrate --first-data");
    expect([await migrated.exit, migrated.lines.at(-1)]).toEqual([0, "the database is up to date"]);
    const before = front.calls();
    baton("worker");
    baton("api");
    const api = `http://127.0.0.1:${settings["PORT"]}`;
    const ask = async (path: string, init: RequestInit = {}) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const response = await fetch(`${api}${path}`, { ...init, headers }).catch(() => null);
      return (await response?.json()) as Record<string, unknown> | undefined;
    };
    await eventually(150, async () => (await ask("/readyz"))?.["healthy"] === true).catch(
      async () => {
        const said = programs.map(({ lines }) => lines.join("\n")).join("\n");
        throw new Error(`not healthy: ${JSON.stringify(await ask("/readyz"))}\n${said}`);
      },
    );
    const taken = await ask("/leads", {
      method: "POST",
      body: JSON.stringify({
        facts: {
          "lead.email": "kim@example-customer.com",
          "account.domain": "example-customer.com",
        },
        engagements: [{ id: "tls-form", type: "demo_request" }],
      }),
    });
    await eventually(30, async () => {
      const lead = await ask(`/leads/${String(taken?.["id"])}`);
      return lead?.["waitingOn"] !== undefined && lead["waitingOn"] !== "assessment";
    });
    expect(front.calls()).toBeGreaterThan(before);
    for (const { lines } of programs) expect(lines.join("\n")).not.toContain(apiKey);
  });

  test.each(["worker", "api", "migrate"])(
    "a wrong key ends `baton %s` with one sentence that names it",
    async (command) => {
      writeFileSync(at("wrong.pem"), "-----BEGIN NOTHING-----\n");
      const program = baton(command, { TEMPORAL_TLS_CLIENT_CERT_PATH: at("wrong.pem") });
      expect(await program.exit).toBe(1);
      expect(program.lines).toEqual([
        expect.stringMatching(/TEMPORAL_TLS_CLIENT_CERT_PATH|client_cert/),
      ]);
    },
  );
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { examine, health, type Finding } from "../../../cli/commands/doctor.ts";
import { readSettings } from "../../../cli/env.ts";
import { testPort } from "../../support/ports.ts";
import { mixingPooler } from "../../support/mixing-pooler.ts";
import { freshDatabase, temporalServer } from "../../support/world.ts";

let folder: string;
let free: Record<string, string>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-doctor-"));
  const [PORT, TEMPORAL_PORT, TEMPORAL_UI_PORT] = await Promise.all([
    testPort(),
    testPort(),
    testPort(),
  ]);
  free = {
    BATON_HOME: join(folder, "home"),
    PORT: String(PORT),
    TEMPORAL_PORT: String(TEMPORAL_PORT),
    TEMPORAL_UI_PORT: String(TEMPORAL_UI_PORT),
  };
});
afterEach(() => rmSync(folder, { recursive: true }));

async function look(env: Record<string, string>): Promise<Map<string, Finding>> {
  const findings = await examine(
    readSettings({ ...free, ...env }, folder),
    process.env["PATH"] ?? "",
  );
  return new Map(findings.map((finding) => [finding.what, finding]));
}

describe("the doctor", () => {
  test("finds a machine on which a start can work to be well", async () => {
    const findings = await look({});
    expect([...findings.values()].filter((finding) => !finding.ok)).toEqual([]);
    expect(findings.get("Postgres")?.found).toMatch(/^\d+\.\d+ \((embedded|system)\)/);
  });

  test("accepts servers of somebody else that answer, and refuses those that do not", async () => {
    const database = await freshDatabase();
    const { address } = await temporalServer();
    const good = await look({ DATABASE_URL: database.url, TEMPORAL_ADDRESS: address });
    expect(good.get("Postgres")).toMatchObject({ ok: true });
    expect(good.get("schema")).toMatchObject({ ok: true, found: expect.stringMatching(/^has/) });
    expect(good.get("Temporal")).toMatchObject({ ok: true });
    await database.drop();
    const silent = `127.0.0.1:${await testPort()}`;
    const bad = await look({
      DATABASE_URL: `postgres://u:p@${silent}/x`,
      TEMPORAL_ADDRESS: silent,
    });
    expect(bad.get("Postgres")).toMatchObject({
      ok: false,
      todo: expect.stringContaining("correct DATABASE_URL"),
    });
    expect(bad.get("Temporal")).toMatchObject({
      ok: false,
      todo: expect.stringContaining("TEMPORAL_ADDRESS"),
    });
  });

  test("says that worker and API do not start behind a pooler that changes sessions", async () => {
    const database = await freshDatabase();
    const tcp = new URL(database.url);
    tcp.search = "";
    const pooler = await mixingPooler(tcp.href, 2, "round robin");
    const findings = await look({ DATABASE_URL: pooler.url });
    expect(findings.get("Postgres")).toMatchObject({
      ok: false,
      todo: expect.stringMatching(/^DATABASE_URL leads to a connection pooler/),
    });
    await pooler.close();
    await database.drop();
  });

  test("says when a newer version has migrated the database, and whether that helps a start", async () => {
    const database = await freshDatabase();
    const env = { DATABASE_URL: database.url };
    await database.pool.query("delete from schema_migration where name like '0074%'");
    expect((await look(env)).get("schema")).toMatchObject({
      ok: true,
      found: expect.stringContaining("has not seen 1 migration of this version, from 0074"),
    });
    await database.pool.query(
      "insert into schema_migration (name, sha256, serves_from) values ('9999_less.sql', '', null)",
    );
    expect((await look(env)).get("schema")).toMatchObject({
      ok: false,
      found: expect.stringContaining("restore the backup from before the upgrade"),
    });
    await database.drop();
  });

  test("names a taken port and the variable that moves it", async () => {
    const server = createServer().listen(Number(free["PORT"]), "127.0.0.1");
    await new Promise((done) => server.once("listening", done));
    expect((await look({})).get("PORT")).toMatchObject({
      ok: false,
      found: `${free["PORT"]} is taken by another program`,
      todo: "stop that program or set PORT",
    });
    server.close();
  });

  test("names a data folder that cannot be used", async () => {
    writeFileSync(join(folder, "file"), "");
    expect(
      (await look({ BATON_HOME: join(folder, "file", "home") })).get("data folder"),
    ).toMatchObject({ ok: false, todo: expect.stringContaining("set BATON_HOME") });
  });

  test("says where mail goes and refuses half a setting, without repeating the password", async () => {
    expect((await look({})).get("mail")).toMatchObject({
      ok: true,
      found: expect.stringContaining("kept in Postgres and not sent"),
    });
    expect((await look({ SMTP_URL: "smtp://u:secret@mail.test:587" })).get("mail")).toMatchObject({
      ok: false,
      todo: expect.stringContaining("MAIL_FROM"),
    });
    const good = (
      await look({ SMTP_URL: "smtp://u:secret@mail.test:587", MAIL_FROM: "baton@mail.test" })
    ).get("mail");
    expect(good).toEqual({ what: "mail", ok: true, found: "by SMTP over mail.test:587" });
    expect(
      (await look({ SMTP_URL: "mail.test", MAIL_FROM: "baton@mail.test" })).get("mail"),
    ).toMatchObject({ ok: false });
  });
});

describe("of what runs, the doctor", () => {
  const well = { ok: true };
  test.each([
    [{ postgres: well, temporal: well, worker: well, relay: well }, true, "relay are well", ""],
    [
      {
        postgres: well,
        temporal: well,
        worker: { ok: false, detail: "last heard of" },
        relay: well,
      },
      false,
      "worker is not well (last heard of)",
      "worker.log",
    ],
    [{ postgres: well, temporal: { ok: null } }, false, "temporal is not well", "temporal.log"],
    [{ postgres: well, relay: { ok: false } }, false, "relay is not well", "worker.log"],
  ])("says of %j whether it is well, and where to read why not", async (parts, ok, found, log) => {
    const server = createHttpServer((_, response) => {
      response.writeHead(ok ? 200 : 503).end(JSON.stringify({ parts }));
    }).listen(0, "127.0.0.1");
    await new Promise((done) => server.once("listening", done));
    const finding = await health((server.address() as AddressInfo).port, "/home");
    server.close();
    expect(finding).toMatchObject({ ok, found: expect.stringContaining(found) });
    expect(finding.todo ?? "").toContain(log);
  });

  test("says that its API does not answer", async () => {
    expect(await health(await testPort(), "/home")).toMatchObject({
      ok: false,
      found: expect.stringContaining("does not answer"),
      todo: "read the last lines of /home/logs/api.log",
    });
  });
});

describe("settings", () => {
  test.each([
    [{ PORT: "abc" }, 'PORT is "abc"; give a port number from 1 to 65535.'],
    [{ PORT: "70000" }, 'PORT is "70000"; give a port number from 1 to 65535.'],
    [{ TEMPORAL_PORT: "0" }, 'TEMPORAL_PORT is "0"; give a port number from 1 to 65535.'],
    [{ PORT: "7233" }, "PORT and TEMPORAL_PORT are both 7233; give each its own port."],
    [
      { OPERATOR_TOKEN: "short" },
      "OPERATOR_TOKEN is not as expected; give bt_ and at least 20 random characters.",
    ],
  ])("%j is refused by name", (env, sentence) => {
    expect(() => readSettings(env, folder)).toThrow(sentence);
  });

  test("have the documented defaults, also where a variable is set but empty", () => {
    const settings = readSettings({ PORT: "", BATON_HOME: "", DATABASE_URL: " " }, "/somewhere");
    expect(settings).toMatchObject({
      home: "/somewhere/.baton",
      port: 3000,
      temporalPort: 7233,
      temporalUiPort: 8233,
      databaseUrl: undefined,
      taskQueue: "baton",
      temporal: { address: "127.0.0.1:7233", namespace: "default" },
      embedsTemporal: true,
      publicUrl: "http://127.0.0.1:3000",
    });
  });

  test(
    "the address of links is the same with and without a slash at its end; what is none is " +
      "refused by name",
    () => {
      expect(readSettings({ PUBLIC_URL: "https://baton.example/" }).publicUrl).toBe(
        "https://baton.example",
      );
      expect(() => readSettings({ PUBLIC_URL: "baton.example" })).toThrow(
        'PUBLIC_URL is "baton.example"; give an address such as https://baton.example.',
      );
    },
  );
});

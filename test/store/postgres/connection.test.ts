import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCluster } from "../../../cli/servers/cluster.ts";
import { findPostgres } from "../../../cli/servers/postgres.ts";
import { askingPostgres, withPool } from "../../../cli/servers/servers.ts";
import { postgresUser } from "../../../cli/servers/system-user.ts";
import { launch, type Child } from "../../../cli/stack/child.ts";
import { readDatabaseUrl } from "../../../store/postgres/connection.ts";
import { connectionBudget } from "../../../store/postgres/budget.ts";
import { listen } from "../../../store/postgres/listen.ts";
import { serverVersion } from "../../../store/postgres/probe.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-tls-"));
  chmodSync(folder, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("an address is understood or refused with a sentence", () => {
  test.each([
    [
      "localhost:5432/baton",
      /^DATABASE_URL is not the address of a Postgres database; write it as/,
    ],
    ["mysql://u:p@h/d", /^DATABASE_URL is not the address of a Postgres database/],
    ["postgres://u:p w@h:port/d", /^DATABASE_URL is not the address of a Postgres database/],
    ["postgres://h/d?sslmode=prefer", /^DATABASE_URL has sslmode=prefer; give one of disable, re/],
    ["postgres://h/d?sslmode=allow", /has sslmode=allow; give one of disable, require, verify-ca/],
    ["postgres://h/d?sslmode=verify_full", /has sslmode=verify_full; give one of/],
    ["postgres://h/d?sslmode=verify-ca", /has sslmode=verify-ca without sslrootcert/],
    ["postgres://h/d?sslrootcert=/x", /has sslrootcert but no sslmode; add sslmode=verify-full/],
    ["postgres://h/d?sslmode=require&sslrootcert=system", /sslrootcert=system .* sslmode=require/],
    ["postgres://h/d?sslmode=verify-full&sslcrl=/x", /has sslcrl, which Baton does not know/],
    [
      "postgres://h/d?sslmode=verify-full&sslrootcert=/nowhere.pem",
      /names \/nowhere\.pem as sslr.*ENOENT/,
    ],
    [
      "postgres://h/d?connect_timeout=soon",
      /^connect_timeout in DATABASE_URL is "soon"; give whole/,
    ],
  ])("%s", (url, sentence) => {
    expect(() => readDatabaseUrl(url, 1_000)).toThrow(sentence);
  });

  test("a file that holds no certificate is named", () => {
    const file = join(folder, "not.pem");
    writeFileSync(file, "hello");
    const query = new URLSearchParams({ sslmode: "verify-full", sslrootcert: file }).toString();
    expect(() => readDatabaseUrl(`postgres://h/d?${query}`, 1_000)).toThrow(
      `names ${file} as sslrootcert, which is not a PEM file`,
    );
  });

  test.each([
    ["postgres://u:p@h:5432/d", 1_000],
    ["postgresql://h/d?application_name=x", 1_000],
    ["postgres://u:p@/d?host=%2Ftmp", 1_000],
    ["postgres:///d?host=/tmp", 1_000],
    ["postgres://h/d?connect_timeout=20", 20_000],
    ["postgres://h/d?connect_timeout=0", 1_000],
  ])("%s is taken as it is", (url, connectionTimeoutMillis) => {
    expect(readDatabaseUrl(url, 1_000)).toEqual({ connectionString: url, connectionTimeoutMillis });
  });
});

describe("TLS with a real server", () => {
  let server: Child;
  let url: URL;
  const at = (parameters: Record<string, string>, host = "127.0.0.1") => {
    const address = new URL(url);
    address.hostname = host;
    for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
    return address.href;
  };
  const isEncrypted = (address: string) =>
    withPool(address, async (pool) => {
      const { rows } = await pool.query<{ ssl: boolean }>(
        "select ssl from pg_stat_ssl where pid = pg_backend_pid()",
      );
      return rows[0]?.ssl;
    });
  const certificate = (name: string) => {
    const file = (end: string) => join(folder, `${name}.${end}`);
    // For 127.0.0.1 alone, so that `localhost` is another host.
    execFileSync(
      "openssl",
      ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${name}`]
        .concat(["-addext", "subjectAltName=IP:127.0.0.1"])
        .concat(["-keyout", file("key"), "-out", file("pem")]),
      { stdio: "ignore" },
    );
    return { key: file("key"), pem: file("pem") };
  };
  let own: { key: string; pem: string };
  let foreign: { key: string; pem: string };

  beforeAll(async () => {
    [own, foreign] = [certificate("own"), certificate("foreign")];
    const user = postgresUser();
    if (user) chownSync(own.key, user.uid, user.gid);
    chmodSync(own.key, 0o600);
    const cluster = await openCluster(findPostgres(process.env["PATH"] ?? ""), user, {
      home: folder,
      logFile: join(folder, "postgres.log"),
      sharedRoot: join(folder, "shared"),
      throwAway: true,
    });
    const tls = { ssl: "on", ssl_cert_file: own.pem, ssl_key_file: own.key };
    server = await launch({
      ...cluster.child,
      args: [
        ...cluster.child.args,
        ...Object.entries(tls).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
    });
    await server.ready;
    await cluster.prepare();
    url = new URL(cluster.url);
    // From here on over TLS alone.
    const rules = join(cluster.data, "pg_hba.conf");
    writeFileSync(rules, readFileSync(rules, "utf8").replace(/^host /gm, "hostssl "));
    await withPool(cluster.nearUrl, (pool) => pool.query("select pg_reload_conf()"));
    await new Promise((done) => setTimeout(done, 500));
  }, 120_000);
  afterAll(() => server?.stop(), 60_000);

  test("each sslmode checks what it checks with libpq", async () => {
    for (const parameters of [
      { sslmode: "require" },
      { sslmode: "require", sslrootcert: own.pem },
      { sslmode: "verify-ca", sslrootcert: own.pem },
      { sslmode: "verify-full", sslrootcert: own.pem },
    ])
      expect(await isEncrypted(at(parameters)), JSON.stringify(parameters)).toBe(true);
    expect(await isEncrypted(at({ sslmode: "verify-ca", sslrootcert: own.pem }, "localhost"))).toBe(
      true,
    );
  });

  test.each([
    [
      "no sslmode",
      () => at({}),
      /^Postgres takes connections with TLS only \(28000\); add sslmode=/,
    ],
    ["disable", () => at({ sslmode: "disable" }), /^Postgres takes connections with TLS only/],
    [
      "an authority that is not known",
      () => at({ sslmode: "verify-full" }),
      /^The certificate of Postgres is of nobody who is trusted .* give the certificate of its authority by sslrootcert=FILE/,
    ],
    [
      "system's authorities",
      () => at({ sslmode: "verify-full", sslrootcert: "system" }),
      /^The certificate of Postgres is of nobody who is trusted/,
    ],
    [
      "verify-full by another authority",
      () => at({ sslmode: "verify-full", sslrootcert: foreign.pem }),
      /^The certificate of Postgres is of nobody who is trusted/,
    ],
    [
      "verify-ca by another authority",
      () => at({ sslmode: "verify-ca", sslrootcert: foreign.pem }),
      /^The certificate of Postgres is of nobody who is trusted/,
    ],
    [
      "require with another authority",
      () => at({ sslmode: "require", sslrootcert: foreign.pem }),
      /^The certificate of Postgres is of nobody who is trusted/,
    ],
    [
      "another host",
      () => at({ sslmode: "verify-full", sslrootcert: own.pem }, "localhost"),
      /^The certificate of Postgres is for another host .*ERR_TLS_CERT_ALTNAME_INVALID.*verify-ca/,
    ],
  ])("%s is one sentence", async (_, address, sentence) => {
    await expect(isEncrypted(address())).rejects.toThrow(sentence);
    await expect(askingPostgres(() => serverVersion(address()))).rejects.toThrow(sentence);
    expect((await connectionBudget(address(), {})).sentence).toMatch(sentence);
  });

  test("listeners use it too", async () => {
    const heard: string[] = [];
    const address = at({ sslmode: "verify-full", sslrootcert: own.pem });
    const listening = listen(address, ["tls_test"], (_, payload) => heard.push(payload));
    for (let n = 0; n < 100 && !heard.includes("hello"); n++) {
      await withPool(address, (pool) => pool.query("notify tls_test, 'hello'"));
      await new Promise((done) => setTimeout(done, 50));
    }
    expect(heard).toContain("hello");
    await listening.stop();
  });
});

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "../../cli/ports.ts";
import { withLock } from "../../cli/lock.ts";
import { downloadTemporal } from "../../cli/temporal-download.ts";
import { findTemporal, olderThan } from "../../cli/temporal.ts";

let folder: string;
let servers: Server[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-temporal-"));
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A program that answers `--version` as a Temporal CLI would. */
function cli(place: string, version: string): string {
  mkdirSync(place, { recursive: true });
  const file = join(place, "temporal");
  writeFileSync(file, `#!/bin/sh\necho "temporal version ${version}"\n`);
  chmodSync(file, 0o755);
  return file;
}

const wishes = (more: Partial<Parameters<typeof findTemporal>[0]> = {}) => ({
  temporalCli: undefined,
  cache: join(folder, "cache"),
  path: "",
  ...more,
});

describe("the order of sources", () => {
  test("TEMPORAL_CLI goes before the path", async () => {
    const named = cli(join(folder, "named"), "1.9.1 (Server 1.32.0, UI 2.50.1)");
    cli(join(folder, "bin"), "1.9.2 (Server 1.33.0, UI 2.51.0)");
    expect(await findTemporal(wishes({ temporalCli: named, path: join(folder, "bin") }))).toEqual({
      path: named,
      source: "TEMPORAL_CLI",
      server: "1.32.0",
    });
  });

  test("a CLI on the path that is too old is passed over for a newer one behind it", async () => {
    cli(join(folder, "old"), "1.5.1 (Server 1.29.1, UI 2.40.0)");
    const recent = cli(join(folder, "recent"), "0.0.0-DEV (Server 1.32.0, UI 2.50.1)");
    expect(
      await findTemporal(wishes({ path: `${join(folder, "old")}:${join(folder, "recent")}` })),
    ).toMatchObject({ path: recent, source: "PATH" });
    expect(await findTemporal(wishes({ path: join(folder, "old") }))).toBeUndefined();
  });

  test("a TEMPORAL_CLI that is too old is refused, not passed over", async () => {
    const old = cli(join(folder, "old"), "1.5.1 (Server 1.29.1, UI 2.40.0)");
    await expect(findTemporal(wishes({ temporalCli: old }))).rejects.toThrow(
      /TEMPORAL_CLI names .*not a Temporal CLI with server 1\.32\.0 or newer; name another one or unset it/,
    );
  });

  test.each([
    ["1.9.0", "1.32.0", true],
    ["1.32.0", "1.32.0", false],
    ["1.100.0", "1.32.0", false],
    ["2.0.0", "1.32.0", false],
  ])("%s is older than %s: %s", (a, b, older) => {
    expect(olderThan(a, b)).toBe(older);
  });
});

describe("the download", () => {
  test("is unpacked and moved to its place as a whole", async () => {
    cli(folder, "1.9.1 (Server 1.32.0, UI 2.50.1)");
    execFileSync("tar", ["-czf", "cli.tar.gz", "temporal"], { cwd: folder });
    const archive = readFileSync(join(folder, "cli.tar.gz"));
    const origin = await serve((url) => (url.startsWith("/cli/archive/v") ? archive : undefined));
    const target = join(folder, "cache", "temporal-cli");
    const told: string[] = [];
    expect(await downloadTemporal(target, (line) => told.push(line), 2000, origin)).toBe(true);
    expect(execFileSync(target, ["--version"], { encoding: "utf8" })).toContain("Server 1.32.0");
    expect(told).toHaveLength(1);
    expect(readdirSync(join(folder, "cache"))).toEqual(["temporal-cli"]);
  });

  test("of something that is not an archive leaves nothing behind", async () => {
    const origin = await serve(() => Buffer.from("<html>please log in</html>"));
    const target = join(folder, "cache", "temporal-cli");
    expect(await downloadTemporal(target, () => {}, 2000, origin)).toBe(false);
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
  });

  test("gives up quickly where nobody answers: refused, silent, not found", async () => {
    const target = join(folder, "temporal-cli");
    const silent = createServer().listen(0, "127.0.0.1");
    servers.push(silent);
    await new Promise((done) => silent.once("listening", done));
    const began = Date.now();
    for (const origin of [
      `http://127.0.0.1:${await freePort()}`,
      `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      await serve(() => undefined),
    ]) {
      expect(await downloadTemporal(target, () => {}, 500, origin)).toBe(false);
    }
    expect(Date.now() - began).toBeLessThan(3000);
    expect(existsSync(target)).toBe(false);
  });

  async function serve(answer: (url: string) => Buffer | undefined): Promise<string> {
    const server = createHttp((request, response) => {
      const body = answer(request.url ?? "");
      response.writeHead(body ? 200 : 404).end(body);
    });
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
});

describe("a lock", () => {
  test("lets one in at a time and the others after it", async () => {
    const file = join(folder, "lock");
    const diary: string[] = [];
    const visit = (name: string) =>
      withLock(
        file,
        () => diary.push(`${name} waits`),
        async () => {
          diary.push(`${name} in`);
          await new Promise((done) => setTimeout(done, 50));
          diary.push(`${name} out`);
        },
      );
    await Promise.all([visit("a"), visit("b")]);
    expect(diary).toEqual(["a in", "b waits", "a out", "b in", "b out"]);
    expect(existsSync(file)).toBe(false);
  });

  test("of a process that is gone is taken over, even when its pid is in use again", async () => {
    const file = join(folder, "lock");
    writeFileSync(file, JSON.stringify({ pid: process.pid, identity: "another-boot/1" }));
    expect(
      await withLock(
        file,
        () => {},
        () => Promise.resolve("in"),
      ),
    ).toBe("in");
    expect(readdirSync(folder)).toEqual([]);
  });
});

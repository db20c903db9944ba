#!/usr/bin/env node
// The `baton` command. Plain JavaScript without dependencies, because on a fresh clone it runs
// before anything is installed: it checks Node, installs what is missing, then runs main.ts.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const argv = process.argv.slice(2);

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(
    `Node ${process.versions.node} is too old; install Node 20.19 or newer (22 or 24 recommended).`,
  );
}
install(argv[0] === "test");

// When the terminal or the reader of a pipe is gone, there is nobody to tell; work, and above all
// an orderly stop, goes on.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

process.setSourceMapsEnabled(true);
const { register } = await import("tsx/esm/api");
register();
const { main } = await import("./main.ts");
process.exitCode = await main(argv, {
  out: (line) => console.log(line),
  err: (line) => console.error(line),
});
// A pool or connection left open by a library must not keep a finished command alive.
process.exit();

/** Runs `npm ci` when what lies in node_modules is not what package-lock.json asks for. */
function install(withDevelopment) {
  if (installed(withDevelopment)) return;
  const lock = join(root, ".installing");
  let waited = false;
  while (!take(lock)) {
    if (!waited) console.log("Waiting for another installation in this folder");
    waited = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  }
  try {
    if (installed(withDevelopment)) return;
    console.log("Installing dependencies (npm ci)");
    // stdout is ours to keep readable for programs: npm's summary goes to stderr.
    const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
      cwd: root,
      stdio: ["ignore", 2, 2],
    });
    if (npm.error)
      fail(
        `npm could not be started (${npm.error.code}); install npm, or run \`npm ci\` in ` +
          `${root} by other means.`,
      );
    if (npm.status !== 0)
      fail(
        `npm ci failed (exit code ${npm.status}, its reason stands above); check the network ` +
          "and the npm registry, then try again.",
      );
  } finally {
    rmSync(lock, { force: true });
  }
}

/**
 * npm keeps a list of what it installed; every package that is not optional must stand there in the
 * locked version.
 */
function installed(withDevelopment) {
  const present = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(present)) return false;
  const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  const have = packages(present);
  return Object.entries(packages(join(root, "package-lock.json"))).every(
    ([path, wanted]) =>
      path === "" ||
      wanted.optional ||
      wanted.devOptional ||
      wanted.peer ||
      (wanted.dev && !withDevelopment) ||
      have[path]?.version === wanted.version,
  );
}

/**
 * The lock holds the pid of the process that installs; one whose process is gone was killed and is
 * removed.
 */
function take(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST")
      fail(
        `${root} cannot be written (${error.code}); make it writable for this user, or run ` +
          `\`npm ci\` there as its owner.`,
      );
  }
  try {
    const holder = readFileSync(lock, "utf8");
    if (holder && !lives(Number(holder))) {
      // Only one of several that see this can move it away; a newer holder's file is put back.
      const aside = `${lock}.${process.pid}`;
      renameSync(lock, aside);
      if (readFileSync(aside, "utf8") === holder) rmSync(aside);
      else renameSync(aside, lock);
    }
  } catch {
    // Another process was quicker; the next round looks again.
  }
  return false;
}

function lives(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

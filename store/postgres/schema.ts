import { firstRow, rows, sql, type Db } from "./db.ts";
import { migrationNames, numberOf } from "./migrations.ts";

/** How the migrations of this version and those of a database go together. */
export type SchemaFit =
  | { readonly state: "fits" }
  /** `behind`: migrations of this version are missing. It must not serve. */
  | { readonly state: "behind"; readonly sentence: string }
  /** `ahead`: a newer version has migrated, and lets this one go on. */
  | { readonly state: "ahead"; readonly sentence: string }
  /** `closed`: a newer version has migrated, and this one must not serve any more. */
  | { readonly state: "closed"; readonly sentence: string };

/** A migration that a database has seen. */
export interface Applied {
  readonly name: string;
  /** The number of the migration that code must know to serve beside it. */
  readonly serves_from: string | null;
}

/** The database is for newer code; the message is a sentence that names the remedy. */
export class SchemaClosed extends Error {}

let ofThisVersion: readonly string[] | undefined;

/** Asks the database which migrations it has seen, and judges. */
export async function schemaFit(db: Db): Promise<SchemaFit> {
  ofThisVersion ??= migrationNames();
  const table = await firstRow<{ is: boolean }>(
    db,
    sql`select to_regclass('schema_migration') is not null as is`,
  );
  const applied = table?.is
    ? await rows<Applied>(
        db,
        sql`select name, to_jsonb(m)->>'serves_from' as serves_from from schema_migration m`,
      )
    : [];
  return judgeSchema(ofThisVersion, applied);
}

/** `known`: the names of this version's migrations, in order. */
export function judgeSchema(known: readonly string[], applied: readonly Applied[]): SchemaFit {
  const ours = new Set(known);
  const newer = applied
    .filter(({ name }) => !ours.has(name))
    .sort((a, b) => a.name.localeCompare(b.name));
  const newest = numberOf(known.at(-1) ?? "0000");
  const holds =
    `The database holds ${counted(newer.length)} that this version does not know, from ` +
    `${newer[0]?.name} on`;
  const closing = newer
    .map(({ name, serves_from: from }) => ({ name, from: from ?? numberOf(name) }))
    .sort((a, b) => b.from.localeCompare(a.from))
    .find(({ from }) => from > newest);
  if (closing)
    return {
      state: "closed",
      sentence:
        `${holds}; ${closing.name} is for versions that know migration ${closing.from}, and ` +
        `this one knows ${newest}. Start the version that migrated it, or a newer one; to go ` +
        "back, restore the backup from before the upgrade (docs/backup.md).",
    };
  const seen = new Set(applied.map(({ name }) => name));
  const missing = known.filter((name) => !seen.has(name));
  if (missing.length > 0)
    return {
      state: "behind",
      sentence:
        `The database has not seen ${counted(missing.length)} of this version, from ` +
        `${missing[0]} on; run \`baton migrate\`.`,
    };
  if (newer.length > 0)
    return {
      state: "ahead",
      sentence: `${holds}; they let it go on. Put the newer version in its place when you can.`,
    };
  return { state: "fits" };
}

/** Why this version must not serve on the database; null: it may, or nobody knows. */
export function whyNotServe(fit: SchemaFit | null | undefined): string | null {
  return fit?.state === "behind" || fit?.state === "closed" ? fit.sentence : null;
}

function counted(n: number): string {
  return n === 1 ? "1 migration" : `${n} migrations`;
}

/** What a process knows of the schema it works on. */
export interface SchemaWatch {
  /** As it was seen last; null while the database never answered. */
  fit(): SchemaFit | null;
  stop(): Promise<void>;
}

/** Who waits for a migration begins soon after it. */
const behindMs = 250;

/**
 * Looks now and every five seconds from now on, more often while migrations are missing, and tells
 * `changed` what is new. While the database does not answer, what was seen last counts; `failed` is
 * told why, once, while nothing was seen yet. Resolves after the first look.
 */
export async function watchSchema(
  db: Db,
  changed: (fit: SchemaFit) => void,
  everyMs = 5_000,
  failed: (error: unknown) => void = () => undefined,
): Promise<SchemaWatch> {
  let last: SchemaFit | null = null;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let isTold = false;
  const look = async (): Promise<void> => {
    const found = await schemaFit(db).catch((error: unknown) => {
      if (last === null && !isTold && !isStopped) failed(error);
      isTold = true;
      return null;
    });
    if (isStopped) return;
    const isNew = found !== null && JSON.stringify(found) !== JSON.stringify(last);
    last = found ?? last;
    if (isNew && found !== null) changed(found);
    const nextMs = last?.state === "behind" ? Math.min(behindMs, everyMs) : everyMs;
    timer = setTimeout(() => void look(), nextMs);
  };
  await look();
  return {
    fit: () => last,
    stop() {
      isStopped = true;
      clearTimeout(timer);
      return Promise.resolve();
    },
  };
}

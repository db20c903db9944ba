import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import { checkHeader, parseHistoryMap, parseImportMap } from "../../agreement/import-map.ts";
import { agreementOf } from "../../agreement/stored.ts";
import type { Agreement } from "../../handoff/agreement.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import type { Pool } from "../../store/postgres/db.ts";
import { schemaFit } from "../../store/postgres/schema.ts";
import { rosterByName } from "../../store/intake/history.ts";
import {
  errorHeader,
  errorPages,
  errorRecords,
  type ImportRow,
  type RowError,
} from "../../store/intake/imports.ts";
import {
  checkImport,
  ImportRefused,
  ImportStopped,
  runImport,
  type ImportFile,
  type ImportWish,
} from "../../store/intake/run-import.ts";
import { CommandError, type Io } from "../command.ts";
import { fileRefused, yamlText } from "../yaml-file.ts";
import { errorsSentence, notUnderstoodLines } from "./import-remote.ts";
import { countsOfImport } from "../../words/imports.ts";

/** What somebody wants imported, and how they want to be told. */
export interface Order {
  readonly path: string;
  readonly mapPath: string;
  readonly mapText: string;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** The options of every command that imports a file. */
export const importOptions = {
  map: { type: "string" },
  "dry-run": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** What the arguments order. Throws a `CommandError` for what is missing or too much. */
export async function orderOf(
  command: string,
  positionals: readonly string[],
  values: { readonly map?: string; readonly "dry-run": boolean; readonly json: boolean },
): Promise<Order> {
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0)
    throw new CommandError(`Name one CSV file: \`baton ${command} FILE --map MAP.yaml\`.`);
  if (values.map === undefined)
    throw new CommandError("--map is missing; give the YAML file that says which column is what.");
  return {
    path,
    mapPath: values.map,
    mapText: await yamlText(values.map),
    dryRun: values["dry-run"],
    json: values.json,
  };
}

/**
 * Imports a file beside the database, as leads that arrive or as handoffs of the past; gives the
 * exit code.
 */
export async function importFrom(
  pool: Pool,
  order: Order,
  io: Io,
  as: "leads" | "history" = "leads",
): Promise<number> {
  const agreement = await activeAgreement(pool);
  const parsed = (as === "history" ? parseHistoryMap : parseImportMap)(order.mapText, agreement);
  if (!parsed.ok) throw fileRefused(order.mapPath, parsed.problems);
  const wish: ImportWish = {
    file: await fileAt(order.path),
    map: parsed.map,
    mapText: order.mapText,
    fileName: basename(order.path),
    agreement,
    checkHeader,
    clock: Date.now,
    // Like `withPool` before the first one: a newer version may migrate meanwhile.
    whyStop: async () => {
      const fit = await schemaFit(pool);
      return fit.state === "closed" ? fit.sentence : null;
    },
    ...(as === "history"
      ? {
          history: { ownerOf: await rosterByName(pool), agreements: createAgreements(agreementOf) },
        }
      : {}),
  };
  try {
    if (order.dryRun) {
      const checked = await checkImport(wish);
      const { rows, refused, errors, notUnderstood } = checked;
      const errorsFile = await writeErrors(order.path, toPages(errors), checked);
      return report(
        io,
        order,
        { dryRun: true, rows, refused, notUnderstood, errorsFile },
        `${rows - refused} of ${rows} rows can be taken in; nothing was stored.`,
      );
    }
    const began = performance.now();
    const row = await runImport(pool, { ...wish, progress: progressLine(io, began) });
    const errorsFile =
      row.refused > 0 ? await writeErrors(order.path, errorPages(pool, row.id), row) : null;
    return report(
      io,
      order,
      {
        id: row.id,
        rows: row.rowsDone,
        created: row.created,
        merged: row.merged,
        unchanged: row.unchanged,
        refused: row.refused,
        notUnderstood: row.notUnderstood,
        errorsFile,
      },
      `${countsOfImport(row, row.rowsDone)} (${row.id}).`,
    );
  } catch (error) {
    if (error instanceof ImportRefused)
      throw new CommandError(error.problems.map((one) => `${order.path}: ${one}`).join("\n"));
    if (error instanceof ImportStopped)
      throw new CommandError(
        `${order.path}: the import stopped, and what it took in is kept; call the same command ` +
          `again to go on. ${error.message}`,
      );
    throw error;
  }
}

async function activeAgreement(pool: Pool): Promise<Agreement> {
  const version = await createAgreements(agreementOf).active(pool);
  if (!version)
    throw new CommandError(
      "No agreement is active; publish one with `baton agreement publish FILE`.",
    );
  return version.agreement;
}

/** The file and its content's hash, which names the import. */
async function fileAt(path: string): Promise<ImportFile> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    throw new CommandError(
      `Cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? "unknown error"}); give ` +
        "the path of a readable CSV file.",
    );
  }
  return { fileHash: hash.digest("hex"), bytes: () => createReadStream(path) };
}

/** A line every two seconds at most. */
function progressLine(io: Io, began: number): (row: ImportRow) => void {
  let last = began;
  let first: number | undefined;
  return (row) => {
    first ??= row.rowsDone;
    if (performance.now() - last < 2000) return;
    last = performance.now();
    io.err(
      `${row.rowsDone} rows, ${Math.round(((row.rowsDone - first) * 1000) / (last - began))} a ` +
        `second, ${row.refused} refused`,
    );
  };
}

function* toPages(errors: readonly RowError[]): Generator<readonly RowError[]> {
  if (errors.length > 0) yield errors;
}

/**
 * Writes FILE.errors.csv; null when there is nothing to write. The file is for this user: it holds
 * people's data.
 */
async function writeErrors(
  path: string,
  pages: AsyncIterable<readonly RowError[]> | Iterable<readonly RowError[]>,
  file: Pick<ImportRow, "header" | "delimiter">,
): Promise<string | null> {
  const target = `${path}.errors.csv`;
  const handle = await open(`${target}.new`, "w", 0o600);
  let count = 0;
  try {
    await handle.write(errorHeader(file));
    for await (const page of pages) {
      count += page.length;
      await handle.write(errorRecords(page, file));
    }
  } finally {
    await handle.close();
  }
  if (count === 0) {
    await rm(`${target}.new`);
    return null;
  }
  await rename(`${target}.new`, target);
  return target;
}

function report(
  io: Io,
  order: Order,
  result: {
    readonly refused: number;
    readonly errorsFile: string | null;
    readonly notUnderstood: Readonly<Record<string, number>>;
    readonly [more: string]: unknown;
  },
  sentence: string,
): number {
  if (order.json) io.out(JSON.stringify(result));
  else {
    io.out(sentence);
    for (const line of notUnderstoodLines(result.notUnderstood)) io.out(line);
    if (result.errorsFile) io.out(errorsSentence(result.errorsFile));
  }
  return result.refused > 0 ? 1 : 0;
}

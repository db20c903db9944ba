import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { checkHeader } from "../agreement/import-map.ts";
import { isoOf } from "../handoff/time/dates.ts";
import {
  errorHeader,
  errorPages,
  errorRecords,
  finishImport,
  importErrors,
  listImports,
  readImport,
  type ImportRow,
} from "../store/intake/imports.ts";
import {
  beginImport,
  ImportRefused,
  ImportStopped,
  knownImport,
  runImport,
  stoppedProblem,
  type CheckedImport,
  type ImportWish,
} from "../store/intake/run-import.ts";
import { whyNotServe } from "../store/postgres/schema.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Routes } from "./deps.ts";
import { usualTimeoutMs } from "./http/body.ts";
import { notFound, Problem, problemResponses } from "./http/errors.ts";
import { readMultipart, type FormParts } from "./http/form.ts";
import { defaultLimit, fromCursor, pageOf, pageQuery, toCursor } from "./http/paging.ts";
import { outsideDeadline } from "./http/timeout.ts";
import { activeAgreement } from "./intake.ts";
import { inThread } from "./threads/threads.ts";
import type { Inspected } from "./threads/work.ts";

const importSchema = z
  .object({
    id: z.string().optional().openapi({ description: "absent for a dry run" }),
    state: z.enum(["running", "done", "failed"]),
    rows: z.number().int(),
    rowsTotal: z.number().int().nullable(),
    created: z.number().int(),
    merged: z.number().int(),
    unchanged: z.number().int(),
    refused: z.number().int(),
    notUnderstood: z.record(z.string(), z.number().int()).openapi({
      description: "by field: in how many rows a value is kept as it came",
    }),
    startedAt: z.string().nullable(),
    finishedAt: z.string().nullable(),
    problem: z.string().nullable(),
    fileName: z.string().nullable().optional().openapi({ description: "as its sender called it" }),
    errors: z
      .array(
        z.object({ line: z.number().int(), column: z.string().nullable(), message: z.string() }),
      )
      .optional()
      .openapi({ description: "of a dry run: the first hundred" }),
  })
  .openapi("Import");
const rowErrorSchema = z
  .object({ line: z.number().int(), column: z.string().nullable(), message: z.string() })
  .openapi("ImportRowError");
const importsSchema = pageOf(importSchema);
const errorsSchema = pageOf(rowErrorSchema);
const oneSchema = importSchema
  .extend({ map: z.string().nullable().openapi({ description: "as it was written" }) })
  .openapi("ImportWithMap");
const json = (description: string) => ({
  description,
  content: { "application/json": { schema: importSchema } },
});

const send = createRoute({
  method: "post",
  path: "/imports",
  tags: ["imports"],
  summary: "Import a CSV file with a column map",
  description:
    "Form fields: `file`, `map` (YAML or JSON, see docs/import.md), `dryRun` (true or false). " +
    "The same file with the same map is the same import: it goes on where it stopped, or " +
    "changes nothing.",
  request: {
    body: {
      required: true,
      content: {
        "multipart/form-data": {
          schema: z.object({
            file: z.string().openapi({ format: "binary" }),
            map: z.string(),
            dryRun: z.enum(["true", "false"]).optional(),
          }),
        },
      },
    },
  },
  responses: {
    202: json("Begun, or running already"),
    200: json("Done before, or a dry run"),
    ...problemResponses,
  },
});
const one = z.object({ id: z.string().max(40) });
export const importsQuery = z.strictObject(pageQuery);
const list = createRoute({
  method: "get",
  path: "/imports",
  tags: ["imports"],
  summary: "Imports, the latest first",
  request: { query: importsQuery },
  responses: {
    200: { description: "A page", content: { "application/json": { schema: importsSchema } } },
    ...problemResponses,
  },
});
const errors = createRoute({
  method: "get",
  path: "/imports/{id}/errors",
  tags: ["imports"],
  summary: "What was wrong with the refused rows, in the order of the file",
  request: { params: one, query: importsQuery },
  responses: {
    200: { description: "A page", content: { "application/json": { schema: errorsSchema } } },
    ...problemResponses,
  },
});
const read = createRoute({
  method: "get",
  path: "/imports/{id}",
  tags: ["imports"],
  summary: "How far an import is",
  request: { params: one },
  responses: {
    200: {
      description: "Progress and counts",
      content: { "application/json": { schema: oneSchema } },
    },
    ...problemResponses,
  },
});
const errorsCsv = createRoute({
  method: "get",
  path: "/imports/{id}/errors.csv",
  tags: ["imports"],
  summary: "The refused rows",
  request: { params: one },
  responses: {
    200: {
      description: "the refused rows under the file's header, to be corrected and imported",
      content: { "text/csv": { schema: z.string() } },
    },
    ...problemResponses,
  },
});

/** Larger files are imported with `baton import`, which streams. */
const mostRows = 100_000;
/** Each gives way to others, and holds its file in memory: many together would not. */
const mostRunning = 4;
const bounds = {
  fileBytes: 64 * 1024 * 1024,
  textBytes: 256 * 1024,
};

/** Imports that this process carries out: places taken, and those that have one. */
interface Places {
  // A place is taken before the id is known.
  running: number;
  readonly carriedOn: Set<string>;
}
const places = new WeakMap<object, Places>();

function placesOf({ pool }: Pick<ApiDeps, "pool">): Places {
  const known = places.get(pool);
  if (known) return known;
  const made = { running: 0, carriedOn: new Set<string>() };
  places.set(pool, made);
  return made;
}

/**
 * POST /imports runs in the API's process; when that dies half way, sending the same file again
 * goes on.
 */
export function importRoutes(deps: ApiDeps): Routes {
  const routes = newRoutes();
  // Described but not validated by the library, which would read the form before its size is known.
  routes.openAPIRegistry.registerPath(send);
  routes.post("/imports", async (c) => {
    const form = await readImportParts(deps, c, ["file", "map", "dryRun"]);
    const { answer, status } = await takeImport(deps, c, formOf(form));
    return c.json(answer, status);
  });
  routes.openapi(list, async (c) => c.json(await readImports(deps, c.req.valid("query")), 200));
  routes.openapi(read, async (c) =>
    c.json(await readOneImport(deps, c.req.valid("param").id), 200),
  );
  routes.openapi(errors, async (c) =>
    c.json(await readImportErrors(deps, c.req.valid("param").id, c.req.valid("query")), 200),
  );
  routes.openapi(errorsCsv, (c) => importErrorsFile(deps, c.req.valid("param").id));
  return routes;
}

/** The parts of a form with a file, as they come. */
export function readImportParts(
  deps: ApiDeps,
  c: Context<AppEnv>,
  fields: readonly string[],
): Promise<FormParts> {
  const timeoutMs = deps.timeoutMs ?? usualTimeoutMs;
  return outsideDeadline(c.req.raw, () =>
    readMultipart(c.req.raw, { ...bounds, fields, timeoutMs }),
  );
}

/** Begins an import, or says how the same one ended; a dry run says what it would come to. */
export async function takeImport(
  deps: ApiDeps,
  c: Context<AppEnv>,
  form: SentForm,
): Promise<{ readonly answer: z.output<typeof importSchema>; readonly status: 200 | 202 }> {
  const sender = c.var.caller.tokenId;
  const here = placesOf(deps);
  const { agreement } = await activeAgreement(deps, deps.pool);
  const { fields, nullWords } = agreement;
  const parsed = await outsideDeadline(c.req.raw, () =>
    inThread(
      sender,
      "readMap",
      { text: form.map, agreement: { fields, nullWords } },
      { what: "a column map", field: "map", seconds: 5 },
    ),
  );
  if (!parsed.ok) {
    const [first] = parsed.problems;
    throw new Problem("invalid", {
      field: "map",
      detail: first ? `line ${first.line}: ${first.message}` : "expected a column map",
      more: { problems: parsed.problems.slice(0, 100) },
    });
  }
  const { map } = parsed;
  const sent = { pieces: form.pieces, map, mostRows };
  const bound = { what: "a file sent here", field: "file", seconds: 30 };
  if (form.dryRun) {
    const found = accepted(
      await outsideDeadline(c.req.raw, () =>
        inThread(
          sender,
          "tryFile",
          { ...sent, agreement, now: c.var.receivedAt, mostErrors: 100 },
          bound,
        ),
      ),
    );
    return { answer: dryRunShown(found), status: 200 };
  }
  accepted(await outsideDeadline(c.req.raw, () => inThread(sender, "inspect", sent, bound)));
  const file = { fileHash: form.fileHash, bytes: () => bytesOf(form.pieces) };
  const wish: ImportWish = {
    file,
    map,
    mapText: form.map,
    fileName: form.fileName,
    agreement,
    checkHeader,
    clock: deps.clock,
    whyStop: () => whyNotServe(deps.schema?.fit()),
  };
  // A repeat needs no place.
  const known = await knownImport(deps.pool, wish);
  if (known?.state === "done") return { answer: shown(known), status: 200 };
  if (known && here.carriedOn.has(known.id))
    return { answer: shown({ ...known, state: "running" }), status: 202 };
  if (here.running >= mostRunning)
    throw new Problem("unavailable", {
      detail: `${mostRunning} imports are being carried out here; send this again when one is done`,
      retryAfter: 10,
    });
  here.running++;
  let isPlaceKept = false;
  try {
    const row = await outsideDeadline(c.req.raw, () => beginImport(deps.pool, wish));
    if (row.state === "done") return { answer: shown(row), status: 200 };
    if (!here.carriedOn.has(row.id)) {
      isPlaceKept = true;
      here.carriedOn.add(row.id);
      void carryOn(deps, wish, row.id).finally(() => {
        here.carriedOn.delete(row.id);
        here.running--;
      });
    }
    return { answer: shown({ ...row, state: "running" }), status: 202 };
  } catch (error) {
    if (error instanceof ImportRefused) throw refusedFile(error.problems);
    throw error;
  } finally {
    if (!isPlaceKept) here.running--;
  }
}

function dryRunShown(found: CheckedImport): z.output<typeof importSchema> {
  const { rows, refused, errors: wrong, notUnderstood } = found;
  return {
    state: "done",
    rows,
    rowsTotal: rows,
    created: 0,
    merged: 0,
    unchanged: 0,
    refused,
    notUnderstood,
    startedAt: null,
    finishedAt: null,
    problem: null,
    errors: wrong.map(({ line, column, message }) => ({ line, column, message })),
  };
}

/** A page of the imports. */
export async function readImports(
  deps: ApiDeps,
  { cursor, limit: asked }: z.output<typeof importsQuery>,
): Promise<z.output<typeof importsSchema>> {
  const limit = asked ?? defaultLimit;
  const before = fromCursor(cursor, z.tuple([z.string().max(60)]))?.[0];
  const found = await listImports(deps.pool, { before, limit: limit + 1 });
  const last = found[limit - 1];
  return {
    items: found.slice(0, limit).map(shown),
    next: found.length > limit && last ? toCursor([last.id]) : null,
  };
}

/** An import with its map. */
export async function readOneImport(
  deps: ApiDeps,
  id: string,
): Promise<z.output<typeof oneSchema>> {
  const row = await importNamed(deps, id);
  return { ...shown(row), map: row.mapText };
}

/** A page of what was wrong with rows. */
export async function readImportErrors(
  deps: ApiDeps,
  id: string,
  { cursor, limit: asked }: z.output<typeof importsQuery>,
): Promise<z.output<typeof errorsSchema>> {
  const row = await importNamed(deps, id);
  const limit = asked ?? defaultLimit;
  const place = fromCursor(cursor, z.tuple([z.int().min(-1), z.string().max(400)]));
  const after = { line: place?.[0] ?? -1, message: place?.[1] ?? "" };
  const found = await importErrors(deps.pool, row.id, after, limit + 1);
  const last = found[limit - 1];
  return {
    items: found.slice(0, limit).map(({ line, column, message }) => ({ line, column, message })),
    next: found.length > limit && last ? toCursor([last.line, last.message.slice(0, 200)]) : null,
  };
}

/** The refused rows as a file, to be mended and sent again. */
export async function importErrorsFile(deps: ApiDeps, id: string): Promise<Response> {
  const row = await importNamed(deps, id);
  return new Response(errorFile(deps, row), {
    headers: {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": `attachment; filename="${row.id}.errors.csv"`,
    },
  });
}

async function importNamed(deps: ApiDeps, id: string): Promise<ImportRow> {
  const row = await readImport(deps.pool, id);
  if (!row) throw notFound();
  return row;
}

function accepted<T>(inspected: Inspected<T>): T {
  if ("refused" in inspected) throw refusedFile(inspected.refused);
  return inspected.found;
}

function refusedFile(problems: readonly string[]): Problem {
  return new Problem("invalid", {
    field: "file",
    detail: problems[0] ?? "expected a CSV file",
    more: { problems: problems.slice(0, 100) },
  });
}

/** The answer is not waited for; what goes wrong is written to the import's row. */
async function carryOn(deps: ApiDeps, wish: ImportWish, id: string): Promise<void> {
  try {
    await runImport(deps.pool, wish);
  } catch (error) {
    // Refusals are on record or belong to the process that carries the import out.
    if (error instanceof ImportRefused) return;
    if (error instanceof ImportStopped) {
      deps.log.warn({ import: id }, `an import stopped: ${error.message}`);
      return;
    }
    deps.log.error(
      { import: id, error: error instanceof Error ? error.name : "unknown" },
      "an import stopped",
    );
    await finishImport(deps.pool, id, "failed", deps.clock(), stoppedProblem).catch(
      () => undefined,
    );
  }
}

/** What was sent, as far as it is known without reading the file. */
export interface SentForm {
  readonly map: string;
  readonly dryRun: boolean;
  readonly pieces: readonly Uint8Array[];
  readonly fileHash: string;
  readonly fileName: string;
}

/** Refuses a form that has not the fields that it should have. */
function formOf({ files, texts, others }: FormParts): SentForm {
  const [odd] = others;
  if (odd !== undefined)
    throw new Problem("invalid", {
      field: odd.slice(0, 100),
      detail: "expected the fields file, map and dryRun, each once",
    });
  const file = files.get("file");
  if (file === undefined)
    throw new Problem("invalid", { field: "file", detail: "expected a CSV file" });
  const map = texts.get("map") ?? textOf(files.get("map")?.pieces);
  if (map === undefined || map.length > bounds.textBytes)
    throw new Problem("invalid", {
      field: "map",
      detail: "expected a column map, as text or as a file in UTF-8, at most 256 KiB",
    });
  const dryRun = texts.get("dryRun") ?? "false";
  if (dryRun !== "true" && dryRun !== "false")
    throw new Problem("invalid", { field: "dryRun", detail: "expected true or false" });
  const { pieces, fileHash, name: fileName } = file;
  return { map, dryRun: dryRun === "true", pieces, fileHash, fileName };
}

/** A map that came as a file (`-F map=@map.yaml`); undefined when it is no text. */
function textOf(pieces: readonly Uint8Array[] | undefined): string | undefined {
  if (pieces === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(pieces));
  } catch {
    return undefined;
  }
}

async function* bytesOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

function errorFile(deps: ApiDeps, row: ImportRow): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const pages = errorPages(deps.pool, row.id);
  return new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode(errorHeader(row))),
    async pull(controller) {
      const page = await pages.next();
      if (page.done) return controller.close();
      controller.enqueue(encoder.encode(errorRecords(page.value, row)));
    },
  });
}

/** An import's row as the API shows it. */
function shown(row: ImportRow): z.output<typeof importSchema> {
  return {
    id: row.id,
    state: row.state,
    rows: row.rowsDone,
    rowsTotal: row.rowsTotal,
    created: row.created,
    merged: row.merged,
    unchanged: row.unchanged,
    refused: row.refused,
    notUnderstood: { ...row.notUnderstood },
    startedAt: isoOf(row.startedAt),
    finishedAt: row.finishedAt === null ? null : isoOf(row.finishedAt),
    problem: row.problem,
    fileName: row.fileName,
  };
}

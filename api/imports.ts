import { createRoute, z } from "@hono/zod-openapi";
import { checkHeader } from "../agreement/import-map.ts";
import { isoOf } from "../handoff/time/dates.ts";
import {
  errorHeader,
  errorPages,
  errorRecords,
  finishImport,
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
  type ImportWish,
} from "../store/intake/run-import.ts";
import { whyNotServe } from "../store/postgres/schema.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { usualTimeoutMs } from "./http/body.ts";
import { notFound, Problem, problemResponses } from "./http/errors.ts";
import { readMultipart, type FormParts } from "./http/form.ts";
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
    errors: z
      .array(
        z.object({ line: z.number().int(), column: z.string().nullable(), message: z.string() }),
      )
      .optional()
      .openapi({ description: "of a dry run: the first hundred" }),
  })
  .openapi("Import");
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
const read = createRoute({
  method: "get",
  path: "/imports/{id}",
  tags: ["imports"],
  summary: "How far an import is",
  request: { params: one },
  responses: { 200: json("Progress and counts"), ...problemResponses },
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
  fields: ["file", "map", "dryRun"],
};

/**
 * POST /imports runs in the API's process; when that dies half way, sending the same file again
 * goes on.
 */
export function importRoutes(deps: ApiDeps): Routes {
  const routes = newRoutes();
  // Places that are taken, and the imports that have one; a place is taken before the id is known.
  let running = 0;
  const carriedOn = new Set<string>();
  // Described but not validated by the library, which would read the form before its size is known.
  routes.openAPIRegistry.registerPath(send);
  routes.post("/imports", async (c) => {
    const sender = c.var.caller.tokenId;
    const form = await outsideDeadline(c.req.raw, async () =>
      formOf(
        await readMultipart(c.req.raw, { ...bounds, timeoutMs: deps.timeoutMs ?? usualTimeoutMs }),
      ),
    );
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
      const { rows, refused, errors, notUnderstood } = accepted(
        await outsideDeadline(c.req.raw, () =>
          inThread(
            sender,
            "tryFile",
            { ...sent, agreement, now: c.var.receivedAt, mostErrors: 100 },
            bound,
          ),
        ),
      );
      const counts = {
        state: "done" as const,
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
      };
      return c.json(
        {
          ...counts,
          errors: errors.map(({ line, column, message }) => ({ line, column, message })),
        },
        200,
      );
    }
    accepted(await outsideDeadline(c.req.raw, () => inThread(sender, "inspect", sent, bound)));
    const file = { fileHash: form.fileHash, bytes: () => bytesOf(form.pieces) };
    const wish: ImportWish = {
      file,
      map,
      agreement,
      checkHeader,
      clock: deps.clock,
      whyStop: () => whyNotServe(deps.schema?.fit()),
    };
    // A repeat needs no place.
    const known = await knownImport(deps.pool, wish);
    if (known?.state === "done") return c.json(shown(known), 200);
    if (known && carriedOn.has(known.id)) return c.json(shown({ ...known, state: "running" }), 202);
    if (running >= mostRunning)
      throw new Problem("unavailable", {
        detail: `${mostRunning} imports are being carried out here; send this again when one is done`,
        retryAfter: 10,
      });
    running++;
    let isPlaceKept = false;
    try {
      const row = await outsideDeadline(c.req.raw, () => beginImport(deps.pool, wish));
      if (row.state === "done") return c.json(shown(row), 200);
      if (!carriedOn.has(row.id)) {
        isPlaceKept = true;
        carriedOn.add(row.id);
        void carryOn(deps, wish, row.id).finally(() => {
          carriedOn.delete(row.id);
          running--;
        });
      }
      return c.json(shown({ ...row, state: "running" }), 202);
    } catch (error) {
      if (error instanceof ImportRefused) throw refusedFile(error.problems);
      throw error;
    } finally {
      if (!isPlaceKept) running--;
    }
  });
  routes.openapi(read, async (c) => {
    const row = await readImport(deps.pool, c.req.valid("param").id);
    if (!row) throw notFound();
    return c.json(shown(row), 200);
  });
  routes.openapi(errorsCsv, async (c) => {
    const row = await readImport(deps.pool, c.req.valid("param").id);
    if (!row) throw notFound();
    return new Response(errorFile(deps, row), {
      headers: {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": `attachment; filename="${row.id}.errors.csv"`,
      },
    });
  });
  return routes;
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
interface SentForm {
  readonly map: string;
  readonly dryRun: boolean;
  readonly pieces: readonly Uint8Array[];
  readonly fileHash: string;
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
  return { map, dryRun: dryRun === "true", ...file };
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
  };
}

import { createHash } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import { checkHeader, parseImportMap } from "../agreement/import-map.ts";
import { isoOf } from "../handoff/dates.ts";
import {
  csvRecord,
  finishImport,
  importErrors,
  readImport,
  type ImportRow,
} from "../store/imports.ts";
import {
  beginImport,
  checkImport,
  ImportRefused,
  runImport,
  type ImportWish,
} from "../store/run-import.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { notFound, Problem, problemResponses } from "./errors.ts";
import { unhurried } from "./hurry.ts";
import { activeAgreement } from "./intake.ts";

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
    "Form fields: `file`, `map` (YAML or JSON, see docs/import.md), `dryRun` (true or false). The same file with the same map is the same import: it goes on where it stopped, or changes nothing.",
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
      description: "line, column, message, row",
      content: { "text/csv": { schema: z.string() } },
    },
    ...problemResponses,
  },
});

/** Larger files are imported with `baton import`, which streams. */
const largestUpload = 64 * 1024 * 1024;

/** POST /imports runs in the API's process; when that dies half way, sending the same file again goes on. */
export function importRoutes(deps: ApiDeps): Routes {
  const routes = newRoutes();
  // Described but not validated by the library, which would read the form before its size is known.
  routes.openAPIRegistry.registerPath(send);
  routes.post("/imports", async (c) => {
    const { file, map, dryRun } = await unhurried(c.req.raw, () => readForm(c.req.raw));
    const { agreement } = await activeAgreement(deps, deps.pool);
    const parsed = parseImportMap(map, agreement);
    if (!parsed.ok) {
      const [first] = parsed.problems;
      throw new Problem("invalid", {
        field: "map",
        detail: first ? `line ${first.line}: ${first.message}` : "expected a column map",
        more: { problems: parsed.problems.slice(0, 100) },
      });
    }
    const wish: ImportWish = { file, map: parsed.map, agreement, checkHeader, clock: deps.clock };
    try {
      if (dryRun) {
        const { rows, refused, errors } = await unhurried(c.req.raw, () => checkImport(wish, 100));
        const counts = {
          state: "done" as const,
          rows,
          rowsTotal: rows,
          created: 0,
          merged: 0,
          unchanged: 0,
          refused,
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
      const row = await unhurried(c.req.raw, () => beginImport(deps.pool, wish));
      if (row.state === "done") return c.json(shown(row), 200);
      carryOn(deps, wish, row.id);
      return c.json(shown({ ...row, state: "running" }), 202);
    } catch (error) {
      if (error instanceof ImportRefused)
        throw new Problem("invalid", {
          field: "file",
          detail: error.problems[0] ?? "expected a CSV file",
          more: { problems: error.problems.slice(0, 100) },
        });
      throw error;
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
    return new Response(errorFile(deps, row.id), {
      headers: {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": `attachment; filename="${row.id}.errors.csv"`,
      },
    });
  });
  return routes;
}

/** The answer is not waited for; what goes wrong is written to the import's row. */
function carryOn(deps: ApiDeps, wish: ImportWish, id: string): void {
  runImport(deps.pool, wish).catch(async (error: unknown) => {
    // Refusals are on record or belong to the process that carries the import out.
    if (error instanceof ImportRefused) return;
    deps.log.error(
      { import: id, error: error instanceof Error ? error.name : "unknown" },
      "an import stopped",
    );
    await finishImport(
      deps.pool,
      id,
      "failed",
      deps.clock(),
      "it stopped; send the file again to go on",
    ).catch(() => undefined);
  });
}

async function readForm(
  request: Request,
): Promise<{ file: ImportWish["file"]; map: string; dryRun: boolean }> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data(;|$)/i.test(type))
    throw new Problem("unsupported-media-type", {
      field: "content-type",
      detail: "send multipart/form-data with the fields file and map",
    });
  const form = await new Response(await bounded(request), { headers: { "content-type": type } })
    .formData()
    .catch(() => null);
  const odd = oddField([...(form?.keys() ?? [])]);
  if (odd !== undefined)
    throw new Problem("invalid", {
      field: odd.slice(0, 100),
      detail: "expected the fields file, map and dryRun, each once",
    });
  const [file, map, dryRun] = [form?.get("file"), form?.get("map"), form?.get("dryRun") ?? "false"];
  if (!(file instanceof File))
    throw new Problem("invalid", { field: "file", detail: "expected a CSV file" });
  if (typeof map !== "string" || map.length > 256 * 1024)
    throw new Problem("invalid", {
      field: "map",
      detail: "expected a column map as text, at most 256 KiB",
    });
  if (dryRun !== "true" && dryRun !== "false")
    throw new Problem("invalid", { field: "dryRun", detail: "expected true or false" });
  const bytes = new Uint8Array(await file.arrayBuffer());
  return {
    map,
    dryRun: dryRun === "true",
    file: {
      fileHash: createHash("sha256").update(bytes).digest("hex"),
      bytes: () => pieces(bytes),
    },
  };
}

/** A field that nobody reads, or of which one would be taken and the other passed over in silence. */
function oddField(names: readonly string[]): string | undefined {
  return names.find(
    (name, n) => !["file", "map", "dryRun"].includes(name) || names.indexOf(name) < n,
  );
}

async function bounded(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.length;
    if (size > largestUpload)
      throw new Problem("too-large", {
        field: "file",
        detail: `a file sent here may have ${largestUpload} bytes at most; import a larger one with \`baton import\``,
      });
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

function errorFile(deps: ApiDeps, id: string): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let after = { line: -1, message: "" };
  return new ReadableStream({
    start: (controller) =>
      controller.enqueue(encoder.encode(csvRecord(["line", "column", "message", "row"]))),
    async pull(controller) {
      const page = await importErrors(deps.pool, id, after, 1000);
      const last = page.at(-1);
      if (!last) return controller.close();
      after = last;
      controller.enqueue(
        encoder.encode(
          page.map((row) => csvRecord([row.line, row.column, row.message, row.raw])).join(""),
        ),
      );
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
    startedAt: isoOf(row.startedAt),
    finishedAt: row.finishedAt === null ? null : isoOf(row.finishedAt),
    problem: row.problem,
  };
}

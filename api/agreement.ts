import { createRoute, z } from "@hono/zod-openapi";
import { activate } from "../store/agreements.ts";
import { audit } from "../store/audit.ts";
import { firstRow, inTransaction, sql } from "../store/db.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { notFound, Problem, problemResponses } from "./errors.ts";
import { iso, textIn } from "./format.ts";

const versionSchema = z
  .object({
    id: z.string(),
    number: z.number().int(),
    state: z.enum(["draft", "proposed", "signed", "active", "retired"]),
    contentHash: z.string(),
    createdAt: z.string(),
    createdBy: z.string(),
    activatedAt: z.string().nullable(),
    activatedBy: z.string().nullable(),
    note: z.string().nullable(),
    content: z.string().openapi({ description: "the YAML as it was given" }),
    agreement: z.record(z.string(), z.unknown()).openapi({ description: "as it is read" }),
  })
  .openapi("AgreementVersion");

const versionAnswer = {
  200: { description: "The version", content: { "application/json": { schema: versionSchema } } },
  ...problemResponses,
};
const read = createRoute({
  method: "get",
  path: "/agreement",
  tags: ["agreement"],
  summary: "The active agreement",
  responses: versionAnswer,
});
const readVersion = createRoute({
  method: "get",
  path: "/agreement/versions/{id}",
  tags: ["agreement"],
  summary: "One version",
  request: { params: z.object({ id: z.string().openapi({ description: "ag_…" }) }) },
  responses: versionAnswer,
});

const warningSchema = z.object({
  line: z.number().int(),
  column: z.number().int(),
  path: z.string(),
  message: z.string(),
});
const publish = createRoute({
  method: "post",
  path: "/agreement/versions",
  tags: ["agreement"],
  summary: "Publish a version and activate it at once",
  description:
    "This release takes no signatures yet: operators and RevOps publish directly, and the audit trail says who. Open handoffs keep the version they started under. The content that is active already changes nothing.",
  request: {
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z.strictObject({
            content: z.string().min(1).max(400_000).openapi({ description: "YAML" }),
            note: textIn(500).optional(),
          }),
        },
      },
    },
  },
  responses: {
    201: {
      description: "A new version is active",
      content: {
        "application/json": {
          schema: z.object({
            id: z.string(),
            isNew: z.literal(true),
            warnings: z.array(warningSchema),
          }),
        },
      },
    },
    200: {
      description: "This content is active already",
      content: {
        "application/json": {
          schema: z.object({
            id: z.string(),
            isNew: z.literal(false),
            warnings: z.array(warningSchema),
          }),
        },
      },
    },
    ...problemResponses,
  },
});

interface VersionRow {
  id: string;
  number: number;
  state: "draft" | "proposed" | "signed" | "active" | "retired";
  content: string;
  content_hash: string;
  created_at: Date;
  created_by: string;
  activated_at: Date | null;
  activated_by: string | null;
  note: string | null;
}

/** The agreement as it stands and stood; publishing a version. */
export function agreementRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();

  app.openapi(read, async (c) => {
    const row = await firstRow<VersionRow>(
      deps.pool,
      sql`select * from agreement_version where state = 'active'`,
    );
    if (!row) throw notFound();
    return c.json(await shown(deps, row), 200);
  });

  app.openapi(readVersion, async (c) => {
    const row = await firstRow<VersionRow>(
      deps.pool,
      sql`select * from agreement_version where id = ${c.req.valid("param").id}`,
    );
    if (!row) throw notFound();
    return c.json(await shown(deps, row), 200);
  });

  app.openapi(publish, async (c) => {
    const { content, note } = c.req.valid("json");
    const parsed = deps.parseAgreement(content);
    if (!parsed.ok) {
      const first = parsed.problems[0];
      throw new Problem("invalid", {
        field: "content",
        detail: first
          ? `line ${first.line}: ${first.path ? `${first.path}: ` : ""}${first.message}`
          : "this is not an agreement",
        more: { problems: parsed.problems.slice(0, 100) },
      });
    }
    const { caller, receivedAt: now } = c.var;
    const { id, isNew } = await inTransaction(deps.pool, async (tx) => {
      const activated = await activate(tx, content, caller.repId ?? caller.tokenId, now, note);
      if (activated.isNew)
        await audit(
          tx,
          {
            actor: caller.repId ?? caller.tokenId,
            what: "agreement.published",
            subject: activated.id,
            detail: { signed: false },
          },
          now,
        );
      return activated;
    });
    const warnings = parsed.warnings.map(({ line, column, path, message }) => ({
      line,
      column,
      path,
      message,
    }));
    return isNew
      ? c.json({ id, isNew: true as const, warnings }, 201)
      : c.json({ id, isNew: false as const, warnings }, 200);
  });

  return app;
}

async function shown(deps: ApiDeps, row: VersionRow): Promise<z.output<typeof versionSchema>> {
  const { agreement } = await deps.agreements.version(deps.pool, row.id);
  return {
    id: row.id,
    number: row.number,
    state: row.state,
    contentHash: row.content_hash,
    createdAt: iso(row.created_at),
    createdBy: row.created_by,
    activatedAt: iso(row.activated_at),
    activatedBy: row.activated_by,
    note: row.note,
    content: row.content,
    agreement: { ...agreement },
  };
}

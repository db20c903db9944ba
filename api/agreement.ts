import { createRoute, z } from "@hono/zod-openapi";
import { agreementChanges } from "../handoff/governance/agreement-changes.ts";
import { saySignatures } from "../handoff/governance/signers.ts";
import { publishUnsigned } from "../store/governance/signed-versions.ts";
import {
  activeVersion,
  comparedWith,
  listVersions,
  storedVersion,
  type ListedVersion,
  type StoredVersion,
} from "../store/process/agreements.ts";
import type { AgreementProblem } from "../agreement/parse.ts";
import { missingPools } from "../agreement/roster.ts";
import { actorNames } from "../store/access/actors.ts";
import { listPools } from "../store/routing/roster.ts";
import { inTransaction } from "../store/postgres/db.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { notFound, Problem, problemResponses } from "./http/errors.ts";
import { iso, textIn } from "./http/format.ts";
import { keepAnswer } from "./http/idempotency.ts";
import { defaultLimit, fromCursor, pageOf, pageQuery, toCursor } from "./http/paging.ts";
import { outsideDeadline } from "./http/timeout.ts";
import { inThread } from "./threads/threads.ts";

const listed = {
  id: z.string(),
  number: z.number().int(),
  state: z.enum(["draft", "proposed", "signed", "active", "retired"]),
  contentHash: z.string(),
  createdAt: z.string(),
  createdBy: z.string(),
  createdByName: z
    .string()
    .nullable()
    .openapi({ description: "of a person of the roster, else of the token or login" }),
  activatedAt: z.string().nullable(),
  activatedBy: z.string().nullable(),
  activatedByName: z.string().nullable(),
  note: z.string().nullable(),
};
const listedSchema = z.object(listed).openapi("ListedAgreementVersion");
const versionSchema = z
  .object({
    ...listed,
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
const versionsQuery = z.strictObject(pageQuery);
const versionsSchema = pageOf(listedSchema);

const list = createRoute({
  method: "get",
  path: "/agreement/versions",
  tags: ["agreement"],
  summary: "Every version, the newest first, without its text",
  request: { query: versionsQuery },
  responses: {
    200: {
      description: "A page of versions",
      content: { "application/json": { schema: versionsSchema } },
    },
    ...problemResponses,
  },
});
const readVersion = createRoute({
  method: "get",
  path: "/agreement/versions/{id}",
  tags: ["agreement"],
  summary: "One version",
  request: { params: z.object({ id: z.string().openapi({ description: "ag_…" }) }) },
  responses: versionAnswer,
});

const diffSchema = z
  .object({
    from: z.string().nullable().openapi({ description: "null: there is none before it" }),
    to: z.string(),
    changes: z.array(
      z.object({
        about: z.string().openapi({ example: "status of demo-request" }),
        change: z.string().openapi({ example: "same day -> 1 business day" }),
      }),
    ),
  })
  .openapi("AgreementDiff");

const compare = createRoute({
  method: "get",
  path: "/agreement/versions/{id}/diff",
  tags: ["agreement"],
  summary: "What a version changes, rule by rule",
  description:
    "Against the active version, or against the one that `from` names; the active one itself " +
    "against the one before it. Comments, the order of keys and other spellings of a rule are no " +
    "change.",
  request: {
    params: z.object({ id: z.string().openapi({ description: "ag_…" }) }),
    query: z.strictObject({ from: z.string().max(60).optional() }),
  },
  responses: {
    200: {
      description: "The changes, in the order of the file",
      content: {
        "application/json": {
          schema: diffSchema,
        },
      },
    },
    ...problemResponses,
  },
});

const warningSchema = z.object({
  line: z.number().int(),
  column: z.number().int(),
  path: z.string(),
  message: z.string(),
});
/** A version as it is given, to be published or proposed. */
export const versionBody = {
  required: true,
  content: {
    "application/json": {
      schema: z.strictObject({
        content: z.string().min(1).max(400_000).openapi({ description: "YAML" }),
        note: textIn(500).optional(),
      }),
    },
  },
};

const publish = createRoute({
  method: "post",
  path: "/agreement/versions",
  tags: ["agreement"],
  summary: "Publish a version and activate it at once",
  description:
    "For agreements that nobody signs, and for the first one; the audit trail says so. 409 where " +
    "the active version or this one names who signs (`signedBy`): propose it at " +
    "`/agreement/versions/propose`. Open handoffs keep the version they started " +
    "under. The content that is active already changes nothing.",
  request: {
    body: versionBody,
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
            missingPools: z.array(z.string()).openapi({ description: "that the roster lacks" }),
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
            missingPools: z.array(z.string()).openapi({ description: "that the roster lacks" }),
          }),
        },
      },
    },
    ...problemResponses,
  },
});

/** The agreement as it stands and stood; publishing a version. */
export function agreementRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();

  app.openapi(read, async (c) => c.json(await readActiveAgreement(deps), 200));
  app.openapi(list, async (c) => c.json(await readVersions(deps, c.req.valid("query")), 200));
  app.openapi(readVersion, async (c) =>
    c.json(await readAgreementVersion(deps, c.req.valid("param").id), 200),
  );
  app.openapi(compare, async (c) =>
    c.json(await readDiff(deps, c.req.valid("param").id, c.req.valid("query").from), 200),
  );

  app.openapi(publish, async (c) => {
    const { content, note } = c.req.valid("json");
    const parsed = await outsideDeadline(c.req.raw, () =>
      inThread(c.var.caller.tokenId, "readAgreement", content, {
        what: "an agreement",
        field: "content",
        seconds: 5,
      }),
    );
    if (!parsed.ok) throw notAnAgreement(parsed.problems);
    const { caller, receivedAt: now } = c.var;
    const warnings = parsed.warnings.map(({ line, column, path, message }) => ({
      line,
      column,
      path,
      message,
    }));
    const answer = await inTransaction(deps.pool, async (tx) => {
      const given = { content, agreement: parsed.agreement };
      const by = caller.repId ?? caller.tokenId;
      const done = await publishUnsigned(tx, deps.agreements, given, { by, note }, now);
      if ("why" in done)
        throw new Problem("conflict", {
          detail:
            `it needs ${saySignatures(done.needed)} (signedBy): propose it at POST ` +
            "/agreement/versions/propose",
          more: { signaturesNeeded: done.needed },
        });
      const { id, isNew } = done;
      const lacking = missingPools(parsed.agreement, { pools: await listPools(tx) });
      const response = { id, isNew, warnings, missingPools: lacking };
      await keepAnswer(tx, c, { status: isNew ? 201 : 200, response });
      return response;
    });
    return answer.isNew
      ? c.json({ ...answer, isNew: true as const }, 201)
      : c.json({ ...answer, isNew: false as const }, 200);
  });

  return app;
}

/** The active agreement. */
export async function readActiveAgreement(deps: ApiDeps): Promise<z.output<typeof versionSchema>> {
  const row = await activeVersion(deps.pool);
  if (!row) throw notFound();
  return shown(deps, row);
}

/** A page of versions, the newest first. */
export async function readVersions(
  deps: ApiDeps,
  { limit = defaultLimit, cursor }: z.output<typeof versionsQuery>,
): Promise<z.output<typeof versionsSchema>> {
  const before =
    fromCursor(
      cursor,
      z.tuple([
        z
          .int()
          .min(0)
          .max(2 ** 31 - 1),
      ]),
    )?.[0] ?? null;
  const found = await listVersions(deps.pool, before, limit + 1);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const names = await actorNames(deps.pool, actorsOf(items));
  return {
    items: items.map((one) => listedAs(one, names)),
    next: found.length > limit && last ? toCursor([last.number]) : null,
  };
}

/** One version with its text. */
export async function readAgreementVersion(
  deps: ApiDeps,
  id: string,
): Promise<z.output<typeof versionSchema>> {
  const row = await storedVersion(deps.pool, id);
  if (!row) throw notFound();
  return shown(deps, row);
}

/** What a version changes, against the active one or the one named. */
export async function readDiff(
  deps: ApiDeps,
  id: string,
  from: string | undefined,
): Promise<z.output<typeof diffSchema>> {
  const to = await storedVersion(deps.pool, id);
  if (!to) throw notFound();
  const before =
    from === undefined ? await comparedWith(deps.pool, to) : await storedVersion(deps.pool, from);
  if (from !== undefined && !before)
    throw new Problem("invalid", {
      field: "from",
      detail: "expected the id of a version of the agreement",
    });
  const agreement = async (version: StoredVersion) =>
    (await deps.agreements.version(deps.pool, version.id)).agreement;
  const changes = before ? agreementChanges(await agreement(before), await agreement(to)) : [];
  return { from: before?.id ?? null, to: to.id, changes: [...changes] };
}

/** A text that was given as `content` and is no agreement: its first mistake, and all of them. */
export function notAnAgreement(problems: readonly AgreementProblem[]): Problem {
  const [first] = problems;
  return new Problem("invalid", {
    field: "content",
    detail: first
      ? `line ${first.line}: ${first.path ? `${first.path}: ` : ""}${first.message}`
      : "this is not an agreement",
    more: { problems: problems.slice(0, 100) },
  });
}

async function shown(deps: ApiDeps, row: StoredVersion): Promise<z.output<typeof versionSchema>> {
  const { agreement } = await deps.agreements.version(deps.pool, row.id);
  const names = await actorNames(deps.pool, actorsOf([row]));
  return { ...listedAs(row, names), content: row.content, agreement: { ...agreement } };
}

type Names = Readonly<Record<string, string>>;

/** Who proposed or activated these. */
function actorsOf(rows: readonly ListedVersion[]): string[] {
  return rows.flatMap((row) => [row.created_by, row.activated_by ?? []].flat());
}

function listedAs(row: ListedVersion, names: Names): z.output<typeof listedSchema> {
  return {
    id: row.id,
    number: row.number,
    state: row.state,
    contentHash: row.content_hash,
    createdAt: iso(row.created_at),
    createdBy: row.created_by,
    createdByName: names[row.created_by] ?? null,
    activatedAt: iso(row.activated_at),
    activatedBy: row.activated_by,
    activatedByName: names[row.activated_by ?? ""] ?? null,
    note: row.note,
  };
}

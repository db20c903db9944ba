import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { isCompany } from "../handoff/accounts/placing.ts";
import { survivorIdOf } from "../store/process/merge.ts";
import { again } from "../store/process/take.ts";
import { nameAccount } from "../store/accounts/name.ts";
import { mergeAccounts } from "../store/accounts/merge.ts";
import { moveLead } from "../store/accounts/move.ts";
import { seeAccountProcess } from "../store/views/account-process.ts";
import { listAccounts } from "../store/views/accounts.ts";
import { tellAccount } from "../store/accounts/told.ts";
import { inTransaction } from "../store/postgres/db.ts";
import { actorNames } from "../store/access/actors.ts";
import { domainIn } from "../spellings/domain.ts";
import {
  accountSchema,
  accountView,
  listedAccount,
  listedAccountSchema,
  staffOf,
  type HandoffSeen,
} from "./account-view.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Asker, type Routes } from "./deps.ts";
import { notFound, Problem, problemResponses } from "./http/errors.ts";
import { textIn } from "./http/format.ts";
import { keepAnswer } from "./http/idempotency.ts";
import { defaultLimit, fromCursor, pageOf, pageQuery, toCursor } from "./http/paging.ts";
import { accountIdIn, accountIdPattern, accountHere, leadHere, reachHere } from "./http/reach.ts";
import { activeAgreement } from "./intake.ts";

const params = z.object({ id: z.string().openapi({ description: "ac_…" }) });
const accountIn = z
  .string()
  .regex(accountIdPattern, "expected the id of an account: ac_…")
  .openapi({ description: "ac_…" });

/** What a list of accounts may be narrowed to. */
export const accountsQuery = z.strictObject({
  ...pageQuery,
  flagged: z
    .enum(["true", "false"])
    .transform((word) => word === "true")
    .optional(),
  tier: z
    .string()
    .regex(/^[1-9]$/, "expected a tier from 1 to 9")
    .transform(Number)
    .optional()
    .openapi({ type: "integer", minimum: 1, maximum: 9 }),
  q: textIn(200)
    .optional()
    .openapi({
      description:
        "an id, an id of the CRM, the beginning of a domain or of the company's name, or another " +
        "domain of the account as a whole",
    }),
  ids: z
    .string()
    .regex(/^ac_[0-9a-z]{1,40}(?:,ac_[0-9a-z]{1,40}){0,99}$/, {
      error: "expected at most 100 ids of accounts with commas between them",
    })
    .transform((text) => text.split(","))
    .optional()
    .openapi({ type: "string", description: "these alone, as a report names them: ac_1,ac_2" }),
});
const listedSchema = pageOf(listedAccountSchema);

const list = createRoute({
  method: "get",
  path: "/accounts",
  tags: ["accounts"],
  summary: "Accounts, the newest first",
  description:
    "For a rep and a manager: the accounts of the latest hundred leads of each of their people, and " +
    "those about which they have a task.",
  request: { query: accountsQuery },
  responses: {
    200: {
      description: "A page",
      content: { "application/json": { schema: listedSchema } },
    },
    ...problemResponses,
  },
});

const read = createRoute({
  method: "get",
  path: "/accounts/{id}",
  tags: ["accounts"],
  summary: "One account: who is there, how it stands and why, its flags and handoffs",
  description:
    "Of people, handoffs, flags and names the latest hundred. For who has or had a lead there, or " +
    "has a task about it.",
  request: { params },
  responses: {
    200: {
      description: "The account",
      content: { "application/json": { schema: accountSchema } },
    },
    ...problemResponses,
  },
});

export const moveBody = z
  .strictObject({
    account: accountIn.optional(),
    domain: textIn(255).optional().openapi({
      description:
        "instead of `account`: the company's domain; an account that is not there is made",
    }),
  })
  .openapi("AccountOfLead");
const movedSchema = z.object({
  id: z.string(),
  from: z.string().nullable().openapi({ description: "the account that it had" }),
  account: z.string(),
});

const move = createRoute({
  method: "post",
  path: "/leads/{id}/move-account",
  tags: ["accounts"],
  summary: "Put a lead at another account",
  description:
    "From then on only a person or the CRM moves the lead. Its open handoff stays with who has it; " +
    "what the facts of the other company mean for it is decided by its process.",
  request: {
    params: z.object({ id: z.string().openapi({ description: "ld_…" }) }),
    body: {
      required: true,
      content: {
        "application/json": {
          schema: moveBody,
        },
      },
    },
  },
  responses: {
    200: {
      description: "Where it is now",
      content: {
        "application/json": {
          schema: movedSchema,
        },
      },
    },
    ...problemResponses,
  },
});

export const mergeBody = z.strictObject({ other: accountIn }).openapi("AccountsMerged");
const mergedSchema = z.object({
  id: z.string(),
  merged: z.string(),
  leads: z.number().int().openapi({ description: "leads that came along" }),
});

const merge = createRoute({
  method: "post",
  path: "/accounts/{id}/merge",
  tags: ["accounts"],
  summary: "Make another account part of this one",
  description:
    "Leads and names of the other account, and what is known of it, are this one's from then on. " +
    "What was done stays as it was: open handoffs with who has them, turns and figures with the " +
    "handoffs.",
  request: {
    params,
    body: {
      required: true,
      content: {
        "application/json": {
          schema: mergeBody,
        },
      },
    },
  },
  responses: {
    200: {
      description: "Merged",
      content: {
        "application/json": {
          schema: mergedSchema,
        },
      },
    },
    ...problemResponses,
  },
});

export const aliasBody = z
  .strictObject({
    domain: textIn(255).optional(),
    crmId: textIn(300).optional().openapi({ description: "instead of `domain`" }),
  })
  .openapi("AccountNamed");
const namedSchema = z.object({
  id: z.string(),
  kind: z.enum(["domain", "crm"]),
  name: z.string(),
});

const alias = createRoute({
  method: "post",
  path: "/accounts/{id}/aliases",
  tags: ["accounts"],
  summary: "Give an account another name: a domain, or an id of the CRM",
  description: "Leads that come under the name from then on belong to this account.",
  request: {
    params,
    body: {
      required: true,
      content: {
        "application/json": {
          schema: aliasBody,
        },
      },
    },
  },
  responses: {
    200: {
      description: "The name is the account's",
      content: {
        "application/json": {
          schema: namedSchema,
        },
      },
    },
    ...problemResponses,
  },
});

/** Which lead belongs to which account, and which accounts are one. */
export function accountRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();

  app.openapi(list, async (c) => c.json(await readAccounts(deps, c, c.req.valid("query")), 200));
  app.openapi(read, async (c) => c.json(await readAccount(deps, c, c.req.valid("param").id), 200));
  app.openapi(move, async (c) =>
    c.json(await moveToAccount(deps, c, c.req.valid("param").id, c.req.valid("json")), 200),
  );
  app.openapi(merge, async (c) =>
    c.json(await mergeInto(deps, c, c.req.valid("param").id, c.req.valid("json").other), 200),
  );
  app.openapi(alias, async (c) =>
    c.json(await giveName(deps, c, c.req.valid("param").id, c.req.valid("json")), 200),
  );
  return app;
}

/** A page of the accounts within reach. */
export async function readAccounts(
  deps: ApiDeps,
  c: Asker,
  { cursor, limit: asked, ...filter }: z.output<typeof accountsQuery>,
): Promise<z.output<typeof listedSchema>> {
  const limit = asked ?? defaultLimit;
  const after = fromCursor(cursor, z.tuple([z.string().max(60)]))?.[0];
  const reach = await reachHere(deps.pool, c);
  const found = await listAccounts(deps.pool, filter, reach, { after, limit: limit + 1 });
  const last = found[limit - 1];
  return {
    items: found.slice(0, limit).map((row) => listedAccount(row, deps)),
    next: found.length > limit && last ? toCursor([last.id]) : null,
  };
}

/** The account of the address, when the caller may see it. */
export async function readAccount(
  deps: ApiDeps,
  c: Asker,
  accountId: string,
): Promise<z.output<typeof accountSchema>> {
  const account = await accountHere(deps.pool, c, accountId);
  const reach = await reachHere(deps.pool, c);
  const [told, process] = await Promise.all([
    tellAccount(deps.pool, deps.agreements, account, c.var.receivedAt),
    seeAccountProcess(deps.pool, account.id, reach),
  ]);
  const [staff, reasons] = await Promise.all([
    actorNames(deps.pool, staffOf(told)),
    reasonsOf(deps, process?.agreement_id ?? null),
  ]);
  return accountView(told, staff, process && { process, ...reasons }, c.var.caller, deps);
}

async function reasonsOf(
  deps: ApiDeps,
  agreementId: string | null,
): Promise<Pick<HandoffSeen, "reasons" | "pauses">> {
  if (agreementId === null) return { reasons: [], pauses: [] };
  const { agreement } = await deps.agreements.version(deps.pool, agreementId);
  const { answers, clocks } = agreement;
  return { reasons: Object.keys(answers.reasons), pauses: clocks.pause.reasons };
}

/** Puts a lead at another account. */
export async function moveToAccount(
  deps: ApiDeps,
  c: Context<AppEnv>,
  leadId: string,
  body: z.output<typeof moveBody>,
): Promise<z.output<typeof movedSchema>> {
  const named = await leadHere(deps.pool, c, leadId);
  const { caller, receivedAt: now } = c.var;
  const { emailDomains } = (await activeAgreement(deps, deps.pool)).agreement;
  const { account, domain } = oneOf(body, "account", "domain");
  const to = account === undefined ? { domain: companyIn(domain, emailDomains) } : { account };
  const by = caller.repId ?? caller.tokenId;
  return again(() =>
    inTransaction(deps.pool, async (tx) => {
      const survivor = await survivorIdOf(tx, named.id);
      const moved = await moveLead(tx, { leadId: survivor, to, by }, now);
      if (moved.done === null) {
        if (moved.why === "no-account")
          throw new Problem("invalid", {
            field: "account",
            detail: "expected the id of an account that exists",
          });
        throw new Problem("conflict", { detail: "the person was erased" });
      }
      const from = moved.done === "moved" ? moved.from : moved.to;
      const response = { id: survivor, from, account: moved.to };
      await keepAnswer(tx, c, { status: 200, response });
      return response;
    }),
  );
}

/** Makes another account part of this one. */
export async function mergeInto(
  deps: ApiDeps,
  c: Context<AppEnv>,
  accountId: string,
  other: string,
): Promise<z.output<typeof mergedSchema>> {
  const id = accountIdIn(accountId);
  const { caller, receivedAt: now } = c.var;
  const by = caller.repId ?? caller.tokenId;
  return again(() =>
    inTransaction(deps.pool, async (tx) => {
      const merged = await mergeAccounts(tx, { survivorId: id, loserId: other, by }, now);
      if (!merged.done) throw refusedMerge(merged, id);
      const response = { id, merged: other, leads: merged.leads };
      await keepAnswer(tx, c, { status: 200, response });
      return response;
    }),
  );
}

/** Gives an account another name. */
export async function giveName(
  deps: ApiDeps,
  c: Context<AppEnv>,
  accountId: string,
  body: z.output<typeof aliasBody>,
): Promise<z.output<typeof namedSchema>> {
  const id = accountIdIn(accountId);
  const { caller, receivedAt: now } = c.var;
  const { emailDomains } = (await activeAgreement(deps, deps.pool)).agreement;
  const { domain, crmId } = oneOf(body, "domain", "crmId");
  const name =
    crmId === undefined
      ? { kind: "domain" as const, value: companyIn(domain, emailDomains) }
      : { kind: "crm" as const, value: crmId };
  const by = caller.repId ?? caller.tokenId;
  return inTransaction(deps.pool, async (tx) => {
    const named = await nameAccount(tx, { ...name, accountId: id, by }, now);
    if (named.done === "no-account") throw notFound({ kind: "account", id });
    if (named.done === "merged")
      throw new Problem("conflict", {
        detail: "the account is part of another one",
        more: { into: named.into },
      });
    if (named.done === "taken")
      throw new Problem("conflict", {
        detail: "another account has this name; merge the two if they are one company",
        more: { account: named.by },
      });
    const response = { id, kind: name.kind, name: name.value };
    await keepAnswer(tx, c, { status: 200, response });
    return response;
  });
}

/** Of two fields exactly one is to be given. */
function oneOf<T extends Readonly<Record<string, string | undefined>>>(
  body: T,
  one: keyof T & string,
  other: keyof T & string,
): T {
  if ((body[one] === undefined) === (body[other] === undefined))
    throw new Problem("invalid", {
      field: one,
      detail: `expected either \`${one}\` or \`${other}\``,
    });
  return body;
}

/** The registrable domain in what was sent; throws when it can be no company's. */
function companyIn(text: string | undefined, domains: Parameters<typeof isCompany>[1]): string {
  const domain = domainIn(text ?? "");
  if (domain === null || !isCompany(domain, domains))
    throw new Problem("invalid", {
      field: "domain",
      detail: "expected the domain of a company, such as company.com, and not of a mail provider",
    });
  return domain;
}

function refusedMerge(
  merged: Exclude<Awaited<ReturnType<typeof mergeAccounts>>, { done: true }>,
  id: string,
): Problem {
  switch (merged.why) {
    case "no-account":
      return merged.id === id
        ? notFound({ kind: "account", id })
        : new Problem("invalid", {
            field: "other",
            detail: "expected the id of an account that exists",
          });
    case "one-already":
      return new Problem("conflict", { detail: "they are one account already" });
    case "merged":
      return new Problem("conflict", {
        detail: "one of the two is part of another account",
        more: { account: merged.id, into: merged.into },
      });
  }
}

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { html } from "hono/html";
import { signedOfferPage } from "../messages/signed-page.ts";
import { offerNow } from "../store/views/offer.ts";
import { listMail, mailById, type KeptMail } from "../store/effects/mail.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Routes } from "./deps.ts";
import { notFound, problemResponses } from "./http/errors.ts";
import { iso } from "./http/format.ts";
import {
  cursorInstant,
  defaultLimit,
  fromCursor,
  pageOf,
  pageQuery,
  toCursor,
} from "./http/paging.ts";

const listed = {
  id: z.string(),
  to: z.string(),
  repId: z.string().nullable(),
  leadId: z.string().nullable(),
  subject: z.string(),
  sentAt: z.string(),
};
const listedSchema = z.object(listed).openapi("KeptMailListed");
const mailSchema = z
  .object({
    ...listed,
    text: z.string(),
    html: z.string(),
    page: z.string().nullable().openapi({
      description:
        "for its own reader, who has the lead: the page on which to answer, without a sign-in",
    }),
  })
  .openapi("KeptMail");
const asHtml = { "text/html": { schema: z.string() } };

const list = createRoute({
  method: "get",
  path: "/mail",
  tags: ["mail"],
  summary: "Messages kept because no mail server is configured, newest first",
  request: {
    query: z.strictObject({
      ...pageQuery,
      lead: z.string().max(60).optional().openapi({ description: "only those about this lead" }),
    }),
  },
  responses: {
    200: {
      description: "A page; HTML when a browser asks",
      content: { "application/json": { schema: pageOf(listedSchema) }, ...asHtml },
    },
    ...problemResponses,
  },
});

const read = createRoute({
  method: "get",
  path: "/mail/{id}",
  tags: ["mail"],
  summary: "One kept message",
  request: { params: z.object({ id: z.string().max(300) }) },
  responses: {
    200: {
      description: "The message; HTML when a browser asks",
      content: { "application/json": { schema: mailSchema }, ...asHtml },
    },
    ...problemResponses,
  },
});

/**
 * GET /mail and GET /mail/{id}. Reps and managers find their own messages; operators everybody's.
 */
export function mailRoutes(deps: ApiDeps): Routes {
  const routes = newRoutes();

  routes.openapi(list, async (c) => {
    const { limit = defaultLimit, cursor, lead } = c.req.valid("query");
    const last = fromCursor(cursor, z.tuple([cursorInstant, z.string()]));
    const found = await listMail(deps.pool, {
      repId: readerHere(c),
      leadId: lead,
      limit: limit + 1,
      after: last && { sentAt: last[0], messageId: last[1] },
    });
    const page = found.slice(0, limit);
    const end = found.length > limit ? page.at(-1) : undefined;
    const next = end ? toCursor([end.sentAt, end.messageId]) : null;
    if (wantsHtml(c)) return safely(c, listPage(page, next));
    return c.json({ items: page.map(toListed), next }, 200);
  });

  routes.openapi(read, async (c) => {
    const mail = await mailById(deps.pool, `<${c.req.valid("param").id}>`);
    const reader = readerHere(c);
    if (!mail || (reader !== undefined && mail.repId !== reader))
      throw notFound({ kind: "mail", id: c.req.valid("param").id });
    const page = await pageOfReader(deps, c, mail);
    if (wantsHtml(c)) return safely(c, mailPage(mail, page));
    return c.json({ ...toListed(mail), text: mail.text, html: mail.html, page }, 200);
  });

  return routes;
}

/** Whose messages the caller may see; undefined: everybody's. */
function readerHere(c: Context<AppEnv>): string | undefined {
  return c.var.scope === "all" ? undefined : (c.var.caller.repId ?? "nobody");
}

/** A kept mail holds no signed link; who reads their own is given one. */
async function pageOfReader(
  deps: ApiDeps,
  c: Context<AppEnv>,
  { leadId, repId }: KeptMail,
): Promise<string | null> {
  const isOwn = repId !== null && c.var.caller.repId === repId;
  if (!isOwn || leadId === null || deps.mailLinks === "off") return null;
  const offer = await offerNow(deps.pool, leadId, repId);
  const dueAt = offer?.dueAt?.getTime() ?? null;
  return offer ? signedOfferPage(deps, { ...offer, repId, leadId, dueAt }, c.var.receivedAt) : null;
}

/** A Message-ID without its angle brackets, which an address cannot hold. */
function idOf(mail: KeptMail): string {
  return mail.messageId.replace(/^<|>$/g, "");
}

function toListed(mail: KeptMail) {
  return {
    id: idOf(mail),
    to: mail.to,
    repId: mail.repId,
    leadId: mail.leadId,
    subject: mail.subject,
    sentAt: iso(mail.sentAt),
  };
}

/** A browser names text/html before anything else; machines do not. */
function wantsHtml(c: Context<AppEnv>): boolean {
  return /^text\/html\b/i.test(c.req.header("accept") ?? "");
}

/** Pages without scripts, and nothing that a message holds can load or run anything. */
function safely(c: Context<AppEnv>, page: ReturnType<typeof html>) {
  c.header(
    "content-security-policy",
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; " +
      "form-action 'none'",
  );
  return c.html(page, 200);
}

function listPage(mails: readonly KeptMail[], next: string | null) {
  return layout(
    "Mail",
    html` <h1>Mail</h1>
      ${
        mails.length === 0
          ? html`<p>No messages.</p>`
          : html`<table>
              <tr>
                <th>Sent</th>
                <th>To</th>
                <th>Subject</th>
              </tr>
              ${mails.map(
                (mail) =>
                  html`<tr>
                    <td>${iso(mail.sentAt)}</td>
                    <td>${mail.to}</td>
                    <td><a href="/mail/${encodeURIComponent(idOf(mail))}">${mail.subject}</a></td>
                  </tr>`,
              )}
            </table>`
      }
      ${next === null ? "" : html`<p><a href="/mail?cursor=${next}">Older</a></p>`}`,
  );
}

function mailPage(mail: KeptMail, page: string | null) {
  return layout(
    mail.subject,
    html` <p><a href="/mail">All mail</a></p>
      <h1>${mail.subject}</h1>
      ${page === null ? "" : html`<p><a href="${page}">Open the lead, and answer there</a></p>`}
      <table>
        <tr>
          <th>To</th>
          <td>${mail.to}</td>
        </tr>
        <tr>
          <th>Sent</th>
          <td>${iso(mail.sentAt)}</td>
        </tr>
      </table>
      <iframe
        sandbox
        title="The message"
        srcdoc="${mail.html}"
        style="width:100%;height:36em;border:1px solid #ccc"
      ></iframe>`,
  );
}

function layout(title: string, body: ReturnType<typeof html>) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title}</title>
        <style>
          body {
            font-family: sans-serif;
            max-width: 60em;
            margin: 2em auto;
            padding: 0 1em;
          }
          th {
            text-align: left;
            padding-right: 1em;
          }
          td {
            padding: 2px 1em 2px 0;
            vertical-align: top;
          }
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html>`;
}

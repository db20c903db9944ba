import { createRoute, z } from "@hono/zod-openapi";
import {
  clockAccounts,
  versionAt,
  versionOfClock,
  type ClockAccount,
  type VersionSince,
} from "../handoff/clocks/account.ts";
import type { LedgerRow } from "../handoff/clocks/clock.ts";
import { printTarget } from "../handoff/time/deadline.ts";
import { clocksOf, versionsOfClocks } from "../store/process/clocks.ts";
import { handoffOfAccount } from "../store/views/leads.ts";
import { newRoutes, type ApiDeps, type Asker, type Routes } from "./deps.ts";
import { problemResponses } from "./http/errors.ts";
import { iso, isoDuration } from "./http/format.ts";
import { accountHere, handoffHere, leadHere } from "./http/reach.ts";

const instant = z.string().openapi({ format: "date-time" });
const durationOf = (description: string) => z.string().openapi({ format: "duration", description });

const rowSchema = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("hours"),
      from: instant,
      calendar: z.string(),
      zone: z.string(),
      exceptions: z.array(z.object({ date: z.string(), hours: z.array(z.string()) })),
    }),
    z.object({
      kind: z.literal("counted"),
      from: instant,
      to: instant,
      counted: durationOf("of this interval"),
      total: durationOf("of all intervals so far; it begins again with a new owner"),
    }),
    z.object({ kind: z.literal("paused"), from: instant, to: instant, reason: z.string() }),
    z.object({ kind: z.literal("restarted"), at: instant }),
    z.object({
      kind: z.literal("retargeted").openapi({
        description: "another version's target holds from here on; used time stays used",
      }),
      at: instant,
      target: z.string(),
      agreement: z.string().nullable(),
    }),
    z.object({ kind: z.literal("verdict"), at: instant, state: z.string() }),
  ])
  .openapi("ClockLedgerRow");

const clockSchema = z
  .object({
    id: z.string(),
    kind: z.enum(["outreach", "status"]),
    scope: z.enum(["lead", "rep"]),
    round: z.number().int().openapi({ description: "the offer it belongs to; 0: the handoff's" }),
    rep: z.string().nullable(),
    repName: z.string().nullable(),
    agreement: z.string().nullable().openapi({
      description: "the version by whose target it runs, or ran last",
    }),
    target: z.string().openapi({ example: "4 business hours" }),
    zone: z.string(),
    state: z.string(),
    startedAt: instant,
    stoppedAt: instant.nullable(),
    due: instant.nullable(),
    late: z.boolean(),
    used: durationOf("in the target's own measure"),
    left: durationOf("in the target's own measure"),
    inWords: z.string().openapi({
      description: "the deadline as a person would count it",
      example:
        "1 business hour of opening hours from 2026-12-04 16:50: 0:10:00 on 2026-12-04, " +
        "0:50:00 on 2026-12-07; so until 2026-12-07 09:50 (America/New_York)",
    }),
    ledger: z.array(rowSchema),
  })
  .openapi("ClockAccount");

const read = createRoute({
  method: "get",
  path: "/leads/{id}/clocks",
  tags: ["leads"],
  summary: "The clocks of the current handoff, every counted interval, to be checked by hand",
  request: { params: z.object({ id: z.string().openapi({ description: "ld_…" }) }) },
  responses: {
    200: {
      description: "Clocks of the lead, and of every offer made",
      content: { "application/json": { schema: z.object({ clocks: z.array(clockSchema) }) } },
    },
    ...problemResponses,
  },
});

const readOfAccount = createRoute({
  method: "get",
  path: "/accounts/{id}/clocks",
  tags: ["accounts"],
  summary: "The same of the account's own handoff: the open one, else the last one",
  description: "Empty for an account that was never flagged.",
  request: { params: z.object({ id: z.string().openapi({ description: "ac_…" }) }) },
  responses: {
    200: {
      description: "Clocks of the handoff, and of every offer made",
      content: { "application/json": { schema: z.object({ clocks: z.array(clockSchema) }) } },
    },
    ...problemResponses,
  },
});

/** How the deadlines of a lead, or of an account that is handed off, came about. */
export function clockRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  app.openapi(readOfAccount, async (c) =>
    c.json({ clocks: await readAccountClocks(deps, c, c.req.valid("param").id) }, 200),
  );
  app.openapi(read, async (c) =>
    c.json({ clocks: await readClocks(deps, c, c.req.valid("param").id) }, 200),
  );
  return app;
}

/** The clocks of the lead's current handoff, each with every interval that it counted. */
export async function readClocks(
  deps: ApiDeps,
  c: Asker,
  leadId: string,
): Promise<z.output<typeof clockSchema>[]> {
  const lead = await leadHere(deps.keyed, c, leadId);
  return clocksShown(deps, c, await handoffHere(deps.keyed, c, lead));
}

/** The same of the account's own handoff. */
export async function readAccountClocks(
  deps: ApiDeps,
  c: Asker,
  accountId: string,
): Promise<z.output<typeof clockSchema>[]> {
  const account = await accountHere(deps.keyed, c, accountId);
  return clocksShown(deps, c, await handoffOfAccount(deps.keyed, account.id));
}

async function clocksShown(
  deps: ApiDeps,
  c: Asker,
  handoff: { readonly id: string; readonly agreement_id: string } | undefined,
): Promise<z.output<typeof clockSchema>[]> {
  if (!handoff) return [];
  const [{ clocks, calendars }, versions, { agreement }] = await Promise.all([
    clocksOf(deps.keyed, handoff.id, "every"),
    versionsOfClocks(deps.keyed, handoff.id),
    deps.agreements.version(deps.keyed, handoff.agreement_id),
  ]);
  const now = c.var.receivedAt;
  return clockAccounts(agreement, { clocks, calendars, now }).map(({ clock, account }) => {
    const { id, kind, scope, round, repId: rep, repName } = clock;
    return { id, kind, scope, round, rep, repName, ...shown(account, versions) };
  });
}

type Shown = Omit<
  z.output<typeof clockSchema>,
  "id" | "kind" | "scope" | "round" | "rep" | "repName"
>;

function shown(account: ClockAccount, versions: readonly VersionSince[]): Shown {
  const { view, zone, ledger, inWords } = account;
  return {
    agreement: versionOfClock(versions, account),
    target: printTarget(view.target),
    zone,
    state: view.state,
    startedAt: iso(view.startedAt),
    stoppedAt: iso(view.stoppedAt),
    due: iso(view.dueAt),
    late: view.late,
    used: isoDuration(view.usedMs),
    left: isoDuration(view.leftMs),
    inWords,
    ledger: ledger.map((row) => rowShown(row, versions)),
  };
}

function rowShown(row: LedgerRow, versions: readonly VersionSince[]): z.output<typeof rowSchema> {
  switch (row.kind) {
    case "hours":
      return {
        kind: row.kind,
        from: iso(row.from),
        calendar: row.calendar,
        zone: row.zone,
        exceptions: row.exceptions.map(({ date, hours }) => ({ date, hours: [...hours] })),
      };
    case "counted":
      return {
        kind: row.kind,
        from: iso(row.from),
        to: iso(row.to),
        counted: isoDuration(row.ms),
        total: isoDuration(row.totalMs),
      };
    case "paused":
      return { kind: row.kind, from: iso(row.from), to: iso(row.to), reason: row.reason };
    case "restarted":
      return { kind: row.kind, at: iso(row.at) };
    case "retargeted":
      return {
        kind: row.kind,
        at: iso(row.at),
        target: printTarget(row.target),
        agreement: versionAt(versions, row.at),
      };
    case "verdict":
      return { kind: row.kind, at: iso(row.at), state: row.view.state };
  }
}

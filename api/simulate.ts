import { createRoute, z } from "@hono/zod-openapi";
import type { Agreement } from "../handoff/agreement.ts";
import { appliedCalendar, compileApplied } from "../handoff/applied-calendar.ts";
import { formatLocal, NoOpenTime, type Instant } from "../handoff/calendar.ts";
import type { Known } from "../handoff/condition.ts";
import type { FactValue } from "../handoff/facts.ts";
import { deriveFacts, normalizeFact } from "../handoff/lead.ts";
import { leadTypeOf, qualify } from "../handoff/qualify.ts";
import { dueAt, printTarget, type Target } from "../handoff/target.ts";
import { tryRoute } from "../store/trial.ts";
import { newRoutes, type ApiDeps, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./errors.ts";
import { instantIn, iso, textIn } from "./format.ts";
import { activeAgreement } from "./intake.ts";

const hypothetical = z
  .strictObject({
    facts: z
      .record(z.string().max(100), z.unknown())
      .openapi({ description: "by path: lead.email, account.employees, …" }),
    engagements: z
      .array(
        z.strictObject({
          type: textIn(100),
          occurredAt: instantIn.optional().openapi({ description: "now when absent" }),
          topic: textIn(200).optional(),
        }),
      )
      .max(500)
      .optional(),
    at: instantIn
      .optional()
      .openapi({
        description:
          "as if it arrived then; now when absent. Who is on shift and has room is asked of today's roster and offers",
      }),
  })
  .openapi("HypotheticalLead");

const [earliest, latest] = [Date.parse("1920-01-01T00:00:00Z"), Date.parse("2180-01-01T00:00:00Z")];

const deadlineSchema = z.object({
  target: z.string(),
  due: z.string().nullable(),
  local: z.string().nullable().openapi({ description: "in the zone of the hours that apply" }),
});
const simulated = z
  .object({
    agreement: z.object({ id: z.string(), number: z.number().int() }),
    verdict: z.enum(["hand-off", "nurture", "disqualify", "needs-data"]),
    because: z.string(),
    leadType: z.string().nullable(),
    path: z.string().nullable(),
    priority: z.number().int().nullable(),
    band: z.string(),
    fit: z.number(),
    intent: z.number(),
    qualification: z
      .record(z.string(), z.unknown())
      .openapi({
        description: "gates, checklist, what is missing, and the trace of every condition",
      }),
    route: z
      .object({
        routed: z.record(z.string(), z.unknown()),
        territory: z.string().nullable(),
        segment: z.string().nullable(),
        candidates: z.array(z.record(z.string(), z.unknown())),
      })
      .nullable(),
    deadlines: z
      .object({
        hours: z.enum(["rep", "pool", "agreement"]),
        outreach: deadlineSchema,
        status: deadlineSchema,
      })
      .nullable(),
  })
  .openapi("Simulated");

const simulate = createRoute({
  method: "post",
  path: "/simulate",
  tags: ["agreement"],
  summary: "Judge one hypothetical lead; writes nothing",
  request: { body: { required: true, content: { "application/json": { schema: hypothetical } } } },
  responses: {
    200: {
      description: "What would happen, and why",
      content: { "application/json": { schema: simulated } },
    },
    ...problemResponses,
  },
});

/** What the active agreement and today's roster would make of a lead. */
export function simulateRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  app.openapi(simulate, async (c) => {
    const body = c.req.valid("json");
    const now = body.at === undefined ? c.var.receivedAt : Date.parse(body.at);
    if (now < earliest || now >= latest)
      throw new Problem("invalid", {
        field: "at",
        detail:
          "expected a time between the years 1920 and 2180; hours are worked out for no others",
      });
    const { id, number, agreement } = await activeAgreement(deps, deps.pool);
    const known: Known = {
      facts: deriveFacts(readFacts(body.facts, agreement)),
      now,
      engagements: (body.engagements ?? []).map((one, n) => ({
        id: `simulated-${n}`,
        type: one.type,
        occurredAt: one.occurredAt === undefined ? now : Date.parse(one.occurredAt),
        ...(one.topic === undefined ? {} : { topic: one.topic }),
      })),
    };
    const q = qualify(agreement, { ...known, matches: 1 });
    const type =
      q.verdict === "hand-off" && q.leadType !== undefined
        ? leadTypeOf(agreement, q.leadType)
        : undefined;
    const handedOff = type && (await handOff(deps, id, agreement, known, type, q));
    const answer: z.output<typeof simulated> = {
      agreement: { id, number },
      verdict: q.verdict,
      because: q.because,
      leadType: q.leadType ?? null,
      path: q.path ?? null,
      priority: q.priority ?? null,
      band: q.band,
      fit: q.fit,
      intent: q.intent,
      qualification: { ...q, nextChangeAt: iso(q.nextChangeAt) },
      route: handedOff?.route ?? null,
      deadlines: handedOff?.deadlines ?? null,
    };
    return c.json(answer, 200);
  });
  return app;
}

async function handOff(
  deps: ApiDeps,
  agreementId: string,
  agreement: Agreement,
  known: Known,
  type: NonNullable<ReturnType<typeof leadTypeOf>>,
  q: ReturnType<typeof qualify>,
): Promise<Pick<z.output<typeof simulated>, "route" | "deadlines">> {
  const own = compileApplied(appliedCalendar(agreement, null, null), known.now);
  const provisional = deadline(type.outreach, known.now, own, agreement) ?? known.now;
  const { route, roster } = await tryRoute(deps.pool, {
    agreementId,
    agreement,
    known,
    leadType: type.name,
    path: type.path,
    priority: type.priority,
    band: q.band,
    fit: q.fit,
    intent: q.intent,
    dueAt: provisional,
  });
  const { routed, territory, segment, candidates } = route;
  const rep = routed.kind === "assigned" ? (roster.reps[routed.repId] ?? null) : null;
  const pool =
    routed.kind === "queue" || routed.pool === null ? null : (roster.pools[routed.pool] ?? null);
  const applied = appliedCalendar(agreement, rep, pool);
  const hours = compileApplied(applied, known.now);
  const outreach = deadline(type.outreach, known.now, hours, agreement);
  const status = deadline(type.status, known.now, hours, agreement, outreach ?? undefined);
  const shown = (target: Target, due: Instant | null) => ({
    target: printTarget(target),
    due: iso(due),
    local: due === null ? null : formatLocal(hours.zone, due),
  });
  return {
    route: {
      routed: { ...routed, ...(routed.kind === "held" ? { untilAt: iso(routed.untilAt) } : {}) },
      territory,
      segment,
      candidates: candidates.map((one) => ({ ...one })),
    },
    deadlines: {
      hours: applied.from,
      outreach: shown(type.outreach, outreach),
      status: shown(type.status, status),
    },
  };
}

/** Null when the hours never come. */
function deadline(
  target: Target,
  from: Instant,
  calendar: ReturnType<typeof compileApplied>,
  agreement: Agreement,
  outreachDueAt?: Instant,
): Instant | null {
  try {
    return dueAt(target, from, calendar, {
      elapsedRoll: agreement.clocks.elapsedRoll,
      ...(outreachDueAt === undefined ? {} : { outreachDueAt }),
    });
  } catch (error) {
    if (error instanceof NoOpenTime) return null;
    throw error;
  }
}

function readFacts(
  raw: Readonly<Record<string, unknown>>,
  agreement: Agreement,
): Record<string, FactValue> {
  const facts: Record<string, FactValue> = {};
  for (const [path, given] of Object.entries(raw)) {
    const fact = normalizeFact(path, given, agreement);
    if ("problem" in fact)
      throw new Problem("invalid", { field: `facts.${path}`, detail: fact.problem });
    if ("value" in fact) facts[path] = fact.value;
  }
  return facts;
}

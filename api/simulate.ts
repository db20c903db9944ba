import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { compileApplied } from "../handoff/time/applied-calendar.ts";
import { formatLocal } from "../handoff/time/calendar.ts";
import { viewOf } from "../handoff/clocks/escalation.ts";
import type { Agreement } from "../handoff/agreement.ts";
import { derivedFields } from "../handoff/facts/fact-rights.ts";
import { builtInFields, closedValues, type Facts, type FactValue } from "../handoff/facts/facts.ts";
import { withCompany } from "../spellings/domain.ts";
import { readFact } from "../spellings/fact.ts";
import type { Decision } from "../handoff/process/decide.ts";
import { addresseeOf, type Message } from "../handoff/process/message.ts";
import type { Situation } from "../handoff/process/situation.ts";
import { stages } from "../handoff/stage.ts";
import { printTarget } from "../handoff/time/deadline.ts";
import type { RouteResult } from "../store/routing/route-request.ts";
import { readEngagements } from "../store/intake/scores.ts";
import { tryArrival } from "../store/intake/trial.ts";
import { accountOf } from "../store/process/subject.ts";
import { actorNames } from "../store/access/actors.ts";
import { newRoutes, type ApiDeps, type AppEnv, type Asker, type Routes } from "./deps.ts";
import { Problem, problemResponses } from "./http/errors.ts";
import { instantIn, iso, textIn } from "./http/format.ts";
import { leadHere } from "./http/reach.ts";
import { outsideDeadline } from "./http/timeout.ts";
import { judgedByDraft, triedDraft, trialShown } from "./draft-trial.ts";
import { activeAgreement } from "./intake.ts";
import { inOnePlace } from "./threads/threads.ts";

export const hypothetical = z
  .strictObject({
    draft: z.string().min(1).max(400_000).optional().openapi({
      description: "an agreement as YAML, instead of facts: today's leads are judged by it",
    }),
    facts: z
      .record(z.string().max(100), z.unknown())
      .optional()
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
    at: instantIn.optional().openapi({
      description:
        "as if it arrived then; now when absent. Who is on shift and has room is asked of " +
        "today's roster and offers",
    }),
  })
  .openapi("HypotheticalLead");

const [earliest, latest] = [Date.parse("1920-01-01T00:00:00Z"), Date.parse("2180-01-01T00:00:00Z")];

const instant = z.string().openapi({ format: "date-time" });
const deadlineSchema = z.object({
  target: z.string(),
  due: instant.nullable().openapi({ description: "null when the hours never come" }),
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
    tier: z.number().int().nullable().openapi({
      description: "of the account, by `account.tier` or a flag that stands; its terms count",
    }),
    band: z.string(),
    fit: z.number(),
    intent: z.number(),
    qualification: z.record(z.string(), z.unknown()).openapi({
      description: "gates, checklist, what is missing, and the trace of every condition",
    }),
    route: z
      .object({
        routed: z.record(z.string(), z.unknown()),
        territory: z.string().nullable(),
        segment: z.string().nullable(),
        candidates: z.array(z.record(z.string(), z.unknown())),
      })
      .nullable()
      .openapi({ description: "null when it is not handed off" }),
    deadlines: z
      .object({
        hours: z.enum(["rep", "pool", "agreement"]),
        outreach: deadlineSchema,
        status: deadlineSchema,
      })
      .nullable()
      .openapi({
        description: "of the clocks that would run: the rep's, or the lead's while nobody has it",
      }),
    decisions: z
      .array(z.object({ kind: z.enum(["arrived", "routed"]), because: z.string() }))
      .openapi({ description: "what would be decided, in order" }),
    stage: z.enum(stages).openapi({
      description: "where the lead stands after them, as `GET /leads/{id}` would show it",
    }),
    waitingOn: z.string(),
    owner: z.string().nullable().openapi({ description: "a rep's id" }),
    queue: z.string().nullable(),
    next: z.object({
      step: z.string().nullable(),
      at: instant
        .nullable()
        .openapi({ description: "null while it waits for a person or a signal" }),
    }),
    due: instant.nullable().openapi({ description: "the deadline that people see" }),
    tasks: z
      .array(
        z.object({
          kind: z.string(),
          role: z.string(),
          assignee: z.string().nullable(),
          due: instant.nullable(),
          detail: z.record(z.string(), z.unknown()),
        }),
      )
      .openapi({ description: "tasks that would be open" }),
    messages: z
      .array(
        z.object({
          what: z.string(),
          to: z
            .object({ rep: z.string().nullable(), role: z.string().nullable() })
            .openapi({ description: "one person by id, or everybody with a role" }),
          due: instant
            .nullable()
            .openapi({ description: "by when the message asks for something" }),
        }),
      )
      .openapi({ description: "mails that would be sent" }),
    people: z.record(z.string(), z.string()).openapi({
      description: "names of those on the roster whom the answer has by id",
    }),
  })
  .openapi("Simulated");

const trialQuery = z.strictObject({
  lead: z.string().max(60).optional().openapi({ description: "ld_…: a trial like this lead" }),
});
const trialSchema = z
  .object({
    fields: z.array(z.object({ path: z.string(), type: z.string(), values: z.array(z.string()) })),
    required: z
      .array(z.string())
      .openapi({ description: "facts without which nothing is handed off" }),
    signals: z.array(z.object({ type: z.string(), depth: z.string() })),
    lead: z.string().nullable(),
    facts: z
      .record(z.string(), z.unknown())
      .openapi({ description: "of the lead and its account" }),
    engagements: z.array(
      z.object({ type: z.string(), occurredAt: instant, topic: z.string().nullable() }),
    ),
  })
  .openapi("Trial");
const offered = createRoute({
  method: "get",
  path: "/simulate",
  tags: ["agreement"],
  summary: "What a trial can say: facts and signals of the agreement, and those of a lead",
  request: { query: trialQuery },
  responses: {
    200: { description: "For POST", content: { "application/json": { schema: trialSchema } } },
    ...problemResponses,
  },
});

const simulate = createRoute({
  method: "post",
  path: "/simulate",
  tags: ["agreement"],
  summary: "What would happen to a lead that arrived; writes nothing",
  description:
    "The decisions that a lead with these facts and engagements would begin with, taken by the " +
    "functions that decide about real ones: judged by the active " +
    "agreement and routed on today's roster, room and turns. The turn is given back.",
  request: { body: { required: true, content: { "application/json": { schema: hypothetical } } } },
  responses: {
    200: {
      description:
        "Verdict, route, and where the lead would stand: owner, next step, clocks, tasks, " +
        "messages; for a draft, how it would judge today's leads",
      content: { "application/json": { schema: z.union([simulated, triedDraft]) } },
    },
    ...problemResponses,
  },
});

/** What the active agreement and today's roster would make of a lead. */
export function simulateRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  app.openapi(offered, async (c) => c.json(await readTrial(deps, c, c.req.valid("query")), 200));
  app.openapi(simulate, async (c) => c.json(await tryOut(deps, c, c.req.valid("json")), 200));
  return app;
}

/** What would happen to such a lead, or to today's leads by a draft. */
export async function tryOut(
  deps: ApiDeps,
  c: Context<AppEnv>,
  given: z.output<typeof hypothetical>,
): Promise<Simulated | z.output<typeof triedDraft>> {
  const { draft, facts, ...body } = given;
  if ((draft === undefined) === (facts === undefined))
    throw new Problem("invalid", {
      field: "facts",
      detail: "expected the facts of a lead, or a draft of the agreement without facts",
    });
  const now = body.at === undefined ? c.var.receivedAt : Date.parse(body.at);
  if (now < earliest || now >= latest)
    throw new Problem("invalid", {
      field: "at",
      detail: "expected a time between the years 1920 and 2180; hours are worked out for no others",
    });
  const { id, number, agreement } = await activeAgreement(deps, deps.pool);
  if (draft !== undefined) {
    const trial = await outsideDeadline(c.req.raw, () =>
      inOnePlace(c.var.caller.tokenId, (run) =>
        judgedByDraft(deps, { run, text: draft, active: agreement, now, field: "draft" }),
      ),
    );
    const { missingPools, warnings } = trial;
    return { ...trialShown(trial.trial), missingPools, warnings };
  }
  const engagements = (body.engagements ?? []).map((one, n) => ({
    id: `simulated-${n}`,
    type: one.type,
    occurredAt: one.occurredAt === undefined ? now : Date.parse(one.occurredAt),
    ...(one.topic === undefined ? {} : { topic: one.topic }),
  }));
  const { arrival, routing } = await tryArrival(deps.pool, {
    agreementId: id,
    agreement,
    facts: readFacts(facts ?? {}, agreement),
    engagements,
    now,
  });
  const q = arrival.found.qualification;
  if (!q) throw new Error("an arrival was decided without its qualification");
  const { after } = routing?.decision ?? arrival;
  const messages = [arrival, routing?.decision].flatMap((decision) => messagesOf(decision));
  const answer: Simulated = {
    agreement: { id, number },
    verdict: q.verdict,
    because: q.because,
    leadType: q.leadType ?? null,
    path: q.path ?? null,
    priority: after.handoff?.priority ?? q.priority ?? null,
    tier: after.handoff?.tier ?? null,
    band: q.band,
    fit: q.fit,
    intent: q.intent,
    qualification: { ...q, nextChangeAt: iso(q.nextChangeAt) },
    route: routing && routeShown(routing.answer),
    deadlines: deadlinesOf(after),
    decisions: [
      { kind: "arrived" as const, because: arrival.because },
      ...(routing ? [{ kind: "routed" as const, because: routing.decision.because }] : []),
    ],
    ...standing(after),
    messages,
    people: await actorNames(deps.pool, [
      ...[after.process.owner ?? []].flat(),
      ...(routing?.answer.candidates ?? []).map(({ repId }) => repId),
      ...after.tasks.flatMap(({ assigneeId }) => assigneeId ?? []),
      ...messages.flatMap(({ to }) => to.rep ?? []),
    ]),
  };
  return answer;
}

/** What a trial can say, and what is known of the lead that it shall be like. */
export async function readTrial(
  deps: ApiDeps,
  c: Asker,
  { lead: id }: z.output<typeof trialQuery>,
): Promise<z.output<typeof trialSchema>> {
  const { agreement } = await activeAgreement(deps, deps.pool);
  const types = { ...builtInFields, ...agreement.fields };
  const lead = id === undefined ? null : await leadHere(deps.pool, c, id);
  const account = lead === null ? null : await accountOf(deps.pool, lead);
  const did =
    lead === null ? undefined : (await readEngagements(deps.pool, [lead.id])).get(lead.id);
  const known = { ...account?.facts, ...lead?.facts };
  return {
    fields: Object.entries(types)
      .filter(([path]) => !derivedFields.includes(path))
      .map(([path, type]) => ({ path, type, values: [...(closedValues[path] ?? [])] })),
    required: [...agreement.requiredFields],
    signals: Object.entries(agreement.signals).map(([type, { depth }]) => ({ type, depth })),
    lead: lead === null ? null : lead.id,
    facts: Object.fromEntries(Object.entries(known).map(([path, { value }]) => [path, value])),
    engagements: (did ?? []).map(({ type, occurredAt, topic }) => ({
      type,
      occurredAt: iso(occurredAt),
      topic: topic ?? null,
    })),
  };
}

type Simulated = z.output<typeof simulated>;

function routeShown({ routed, territory, segment, candidates }: RouteResult): Simulated["route"] {
  return {
    routed: { ...routed, ...(routed.kind === "held" ? { untilAt: iso(routed.untilAt) } : {}) },
    territory,
    segment,
    candidates: candidates.map((one) => ({ ...one })),
  };
}

function standing({
  process,
  tasks,
}: Situation): Pick<
  Simulated,
  "stage" | "waitingOn" | "owner" | "queue" | "next" | "due" | "tasks"
> {
  const { stage, waitingOn, owner, queue, nextStep, nextAt, dueAt } = process;
  return {
    stage,
    waitingOn,
    owner,
    queue,
    next: { step: nextStep, at: iso(nextAt) },
    due: iso(dueAt),
    tasks: tasks.map(({ kind, role, assigneeId, dueAt: due, detail }) => ({
      kind,
      role,
      assignee: assigneeId,
      due: iso(due),
      detail: { ...detail },
    })),
  };
}

/** What both clocks would show: the rep's, or the lead's while nobody has it. */
function deadlinesOf(at: Situation): Simulated["deadlines"] {
  const scope = at.process.owner === null ? "lead" : "rep";
  const of = (kind: "outreach" | "status") => {
    const clock = at.clocks.find((one) => one.kind === kind && one.scope === scope);
    const start = clock?.events[0];
    const applied = start?.kind === "start" ? at.calendars[start.calendar] : undefined;
    if (!clock || start?.kind !== "start" || !applied) return null;
    const { dueAt } = viewOf(at.agreement, at, clock);
    const { zone } = compileApplied(applied, at.now);
    return {
      from: applied.from,
      shown: {
        target: printTarget(start.target),
        due: iso(dueAt),
        local: dueAt === null ? null : formatLocal(zone, dueAt),
      },
    };
  };
  const [outreach, status] = [of("outreach"), of("status")];
  return (
    outreach && status && { hours: outreach.from, outreach: outreach.shown, status: status.shown }
  );
}

function messagesOf(decision: Decision | undefined): Simulated["messages"] {
  return (decision?.changes ?? []).flatMap((change) =>
    change.do === "send" ? [messageShown(change.message)] : [],
  );
}

function messageShown(message: Message): Simulated["messages"][number] {
  const addressee = addresseeOf(message);
  const to =
    addressee.to === "person"
      ? { rep: addressee.id, role: null }
      : { rep: null, role: addressee.to === "role" ? addressee.role : "manager" };
  return { what: message.what, to, due: "dueAt" in message ? iso(message.dueAt) : null };
}

function readFacts(raw: Readonly<Record<string, unknown>>, agreement: Agreement): Facts {
  const facts: Record<string, FactValue> = {};
  for (const [path, given] of Object.entries(raw)) {
    const fact = readFact(path, given, agreement, raw);
    if ("problem" in fact)
      throw new Problem("invalid", { field: `facts.${path}`, detail: fact.problem });
    if ("value" in fact) facts[path] = fact.value;
  }
  return withCompany(facts, agreement.emailDomains);
}

import { createRoute, z } from "@hono/zod-openapi";
import type { Agreement } from "../handoff/agreement.ts";
import { judgeRejection, type Rejection } from "../handoff/answers/rejection.ts";
import type { Instant } from "../handoff/time/calendar.ts";
import { dateOfDay, dayOfDate, localDateOf } from "../handoff/time/local-time.ts";
import type { Stage } from "../handoff/stage.ts";
import { rejectionBasis } from "../store/views/rejection.ts";
import { currentHandoff } from "../store/views/leads.ts";
import { sayFact } from "../words/trace.ts";
import { newRoutes, type ApiDeps, type Asker, type Routes } from "./deps.ts";
import { problemResponses } from "./http/errors.ts";
import { leadHere } from "./http/reach.ts";

const reasonSchema = z
  .object({
    reason: z.string(),
    does: z.enum(["disqualify", "renurture", "fix-data", "manager"]).openapi({
      description: "`manager`: the facts contradict it, and the manager decides",
    }),
    because: z.string().nullable().openapi({ description: "what contradicts it, in words" }),
    needsDay: z.boolean().openapi({ description: "`revisitOn` must come with it" }),
    lacks: z.string().nullable().openapi({
      description: "why it would be refused now; a day that it needs is not meant",
    }),
  })
  .openapi("RejectionReason");

const reasonsSchema = z
  .object({
    agreement: z.object({ id: z.string(), number: z.number().int() }).nullable(),
    reject: z.array(reasonSchema),
    pause: z.array(z.string()).openapi({ description: "for which the clocks may stand still" }),
  })
  .openapi("Reasons");

const read = createRoute({
  method: "get",
  path: "/leads/{id}/reasons",
  tags: ["actions"],
  summary: "The agreement's reasons, and what each rejection would do to the lead now",
  description:
    "Judged as the rejection itself would be, on the facts as they stand; nothing is written. " +
    "Empty while no handoff is open.",
  request: { params: z.object({ id: z.string().openapi({ description: "ld_…" }) }) },
  responses: {
    200: {
      description: "The reasons, in the agreement's order",
      content: { "application/json": { schema: reasonsSchema } },
    },
    ...problemResponses,
  },
});

/** What the agreement lets a rep say no or wait for, and what follows. */
export function reasonRoutes(deps: ApiDeps): Routes {
  const app = newRoutes();
  app.openapi(read, async (c) => c.json(await readReasons(deps, c, c.req.valid("param").id), 200));
  return app;
}

/** The reasons of the lead's agreement, and what each rejection would do to it now. */
export async function readReasons(
  deps: ApiDeps,
  c: Asker,
  leadId: string,
): Promise<z.output<typeof reasonsSchema>> {
  const lead = await leadHere(deps.pool, c, leadId);
  const handoff = await currentHandoff(deps.pool, lead);
  if (!handoff || handoff.id !== lead.handoff_id) return { agreement: null, reject: [], pause: [] };
  const [version, known] = await Promise.all([
    deps.agreements.version(deps.pool, handoff.agreement_id),
    rejectionBasis(deps.pool, lead.id),
  ]);
  const now = c.var.receivedAt;
  const basis = { attempts: handoff.attempts, known: { ...known, now } };
  return {
    agreement: { id: version.id, number: version.number },
    pause: [...version.agreement.clocks.pause.reasons],
    reject: Object.keys(version.agreement.answers.reasons).map((reason) =>
      judged(version.agreement, lead.stage, reason, basis),
    ),
  };
}

function judged(
  agreement: Agreement,
  stage: Stage,
  reason: string,
  { attempts, known }: Pick<Rejection, "attempts" | "known">,
): z.output<typeof reasonSchema> {
  const rule = agreement.answers.reasons[reason]!;
  const needsDay = rule.requires.revisitOn === true;
  const day = needsDay ? { revisitOn: tomorrow(known.now) } : {};
  // How many a rep has rejected today is counted when it is one more.
  const verdict = judgeRejection(agreement, {
    reason,
    attempts,
    known,
    rejectionsToday: 0,
    ...day,
  });
  if ("refused" in verdict)
    return { reason, does: rule.then, because: null, needsDay, lacks: verdict.refused.message };
  // Whoever has accepted knows the lead; nobody is asked then.
  const isContested = verdict.contested && stage === "mql";
  const against =
    verdict.trace.find(({ result, field }) => result === true && field !== undefined) ??
    verdict.trace.find(({ result }) => result === true);
  return {
    reason,
    does: isContested ? "manager" : verdict.then,
    because: isContested && against ? sayFact(against) : null,
    needsDay,
    lacks: null,
  };
}

function tomorrow(now: Instant): string {
  return dateOfDay(dayOfDate(localDateOf("UTC", now))! + 1);
}

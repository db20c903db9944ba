import { dueAt as dueOf } from "../handoff/target.ts";
import { appliedCalendar, compileApplied } from "../handoff/applied-calendar.ts";
import type { Instant } from "../handoff/calendar.ts";
import { leadTypeOf } from "../handoff/qualify.ts";
import type { WaitingOn } from "../handoff/stage.ts";
import { firstRow, rows, sql } from "../store/db.ts";
import { decideOnce } from "../store/decisions.ts";
import { openTask, endTasks } from "../store/human-tasks.ts";
import type { RoutingDesk } from "../store/routing-desk.ts";
import { engagementsOf, setState } from "../store/subject.ts";
import type { DecisionKey, Standing } from "../workflows/contract.ts";
import {
  closeCase,
  factsOf,
  mail,
  openCase,
  syncCrm,
  type Case,
  type DecisionDeps,
} from "./case.ts";
import { endIfGone } from "./ending.ts";
import { runClocks, showClocks, waitForRep } from "./running-clocks.ts";

/** Asked again for a lead that is with somebody already, routing changes nothing. */
const unrouted: readonly WaitingOn[] = ["assessment", "hold"];

/**
 * Puts the open handoff before a rep, on hold until somebody is there, or into the fallback queue (routing.md).
 *
 * The desk commits the pick before this decision is committed. Should the decision be lost in between, the next try finds
 * the assignment by handoff and round; a lead that is closed before that ends it (`closeHandoff`).
 */
export function route(
  deps: DecisionDeps & { readonly desk: RoutingDesk },
  asked: DecisionKey,
): Promise<Standing> {
  return decideOnce(deps.pool, "route", asked, async (tx, key) => {
    const c = await openCase(deps, tx, key);
    if (
      (await endIfGone(c)) ||
      c.lead.stage !== "mql" ||
      !c.handoff ||
      !unrouted.includes(c.lead.waiting_on)
    )
      return { agreementId: c.agreementId, input: null, output: null, result: await closeCase(c) };
    const routed = await place(c, deps.desk);
    return { agreementId: c.agreementId, ...routed, result: await closeCase(c) };
  });
}

async function place(c: Case, desk: RoutingDesk): Promise<{ input: unknown; output: unknown }> {
  const h = c.handoff;
  if (!h) return { input: null, output: null };
  const [facts, latest, before] = await Promise.all([
    factsOf(c),
    engagementsOf(c.tx, c.lead.id),
    rows<{ rep_id: string; round: number }>(
      c.tx,
      sql`select rep_id, round from assignment where handoff_id = ${h.id} and rep_id is not null and round <= ${h.round}`,
    ),
  ]);
  const engagements = latest.map((row) => ({
    id: row.message_id,
    type: row.type,
    occurredAt: row.occurred_at.getTime(),
  }));
  const round = h.round + 1;
  // Until here this transaction has locked the lead's row and nothing that the desk could wait for.
  const placed = await desk.route({
    handoffId: h.id,
    round,
    now: c.now,
    agreement: c.agreement,
    known: { facts, engagements, now: c.now },
    leadType: h.lead_type,
    priority: h.priority,
    dueAt: provisionalDue(c),
    arrivedAt: c.lead.arrived_at.getTime(),
    exclude: before.map((row) => ({ repId: row.rep_id, round: row.round })),
    ownerId: round === 1 ? await ownerOf(c, facts["account.owner"]) : null,
    language: h.language,
    product: h.product,
    motion: h.motion,
    ...(h.assign_to === null ? {} : { assignTo: h.assign_to }),
  });
  h.territory = placed.territory;
  h.segment = placed.segment;
  c.lead.territory = placed.territory;
  const { routed } = placed;
  switch (routed.kind) {
    case "assigned":
      h.round = round;
      h.rep_id = routed.repId;
      h.pool = routed.pool ?? h.pool;
      h.assign_to = null;
      await offer(c, routed.repId);
      break;
    case "held":
      h.pool = routed.pool;
      await runClocks(c, { repId: null, pool: routed.pool });
      await showClocks(c);
      // The CRM shows where the lead is, also over a weekend; that it is still there is no news.
      if (c.lead.waiting_on !== "hold" || c.lead.queue !== routed.pool) await syncCrm(c);
      setState(c.lead, {
        waitingOn: "hold",
        owner: null,
        queue: routed.pool,
        nextStep:
          routed.untilAt === null ? "held until somebody has room" : "held until the pool opens",
        // Whoever frees capacity sends word; looking once an hour costs nothing and trusts nobody.
        nextAt: routed.untilAt ?? c.now + 3_600_000,
      });
      break;
    case "queue":
      h.round = round;
      h.rep_id = null;
      await toQueue(c, routed.queue);
      break;
  }
  return {
    input: placed.input,
    output: {
      routed: placed.routed,
      territory: placed.territory,
      segment: placed.segment,
      candidates: placed.candidates,
    },
  };
}

/** The offer: the rep's clocks start, the rep is told, the CRM shows the owner. */
async function offer(c: Case, repId: string): Promise<void> {
  const h = c.handoff;
  if (!h) return;
  h.offered_at ??= new Date(c.now);
  await runClocks(c, { repId, pool: h.pool });
  const { judged } = await showClocks(c);
  c.lead.owner_id = repId;
  c.lead.queue = null;
  waitForRep(c, "outreach", judged);
  if (c.hasOpenTasks)
    await endTasks(
      c.tx,
      c.subject,
      ["fallback", "escalated", "contested"],
      { state: "done", by: "baton", how: "it has an owner" },
      c.now,
    );
  await mail(c, "offer", h.round, { repId, dueAt: judged.dueAt });
  await syncCrm(c);
}

/** A named human queue: nothing is ever unrouted. */
async function toQueue(c: Case, queue: string): Promise<void> {
  await runClocks(c, { repId: null, pool: c.handoff?.pool ?? null });
  const { judged } = await showClocks(c);
  setState(c.lead, {
    waitingOn: "queue",
    owner: null,
    queue,
    nextStep: "somebody assigns it",
    nextAt: judged.next?.at ?? null,
  });
  await openTask(
    c.tx,
    {
      kind: "fallback",
      subject: c.subject,
      handoffId: c.handoff?.id ?? null,
      role: queue,
      detail: { leadType: c.handoff?.lead_type },
    },
    c.now,
  );
  await mail(c, "fallback-queue", c.handoff?.round ?? 0, { queue });
  await syncCrm(c);
}

/** For the order of leads on hold: the deadline as it would be on the agreement's own hours. */
function provisionalDue(c: Case): Instant {
  const h = c.handoff;
  const type = h && leadTypeOf(c.agreement, h.lead_type);
  if (!h || !type) return c.now;
  const calendar = compileApplied(appliedCalendar(c.agreement, null, null), c.now);
  return dueOf(type.outreach, h.mql_at.getTime(), calendar, {
    elapsedRoll: c.agreement.clocks.elapsedRoll,
  });
}

/** The rep who owns the account, named by our id or by the CRM's. */
async function ownerOf(c: Case, owner: unknown): Promise<string | null> {
  if (typeof owner !== "string") return null;
  const rep = await firstRow<{ id: string }>(
    c.tx,
    sql`select id from rep where id = ${owner} or crm_id = ${owner} order by id = ${owner} desc limit 1`,
  );
  return rep?.id ?? null;
}

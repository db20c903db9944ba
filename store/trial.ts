import type { Agreement, Band, Path } from "../handoff/agreement.ts";
import type { Instant } from "../handoff/calendar.ts";
import type { Known } from "../handoff/condition.ts";
import { firstRow, inTransaction, sql, type Pool } from "./db.ts";
import { openHandoff } from "./handoffs.ts";
import { loadRoster } from "./roster.ts";
import { routeHandoff, type RouteResult } from "./routing.ts";

/** A handoff that nobody made, for the question "who would get it?". */
export interface TrialHandoff {
  readonly agreementId: string;
  readonly agreement: Agreement;
  readonly known: Known;
  readonly leadType: string;
  readonly path: Path;
  readonly priority: number;
  readonly band: Band;
  readonly fit: number;
  readonly intent: number;
  readonly dueAt: Instant;
}

/**
 * Routes a hypothetical handoff exactly as a real one, in a transaction that is always rolled back: roster, capacity,
 * turns and leads on hold are those of this moment, and nothing is written.
 */
export async function tryRoute(
  pool: Pool,
  trial: TrialHandoff,
): Promise<{ route: RouteResult; roster: Awaited<ReturnType<typeof loadRoster>> }> {
  const { agreement, known } = trial;
  const text = (path: string) => (typeof known.facts[path] === "string" ? known.facts[path] : null);
  return inTransaction(
    pool,
    async (tx) => {
      const id = await openHandoff(tx, { kind: "lead", id: "ld_trial" }, 1, known.now, {
        agreementId: trial.agreementId,
        leadType: trial.leadType,
        path: trial.path,
        priority: trial.priority,
        band: trial.band,
        fit: trial.fit,
        intent: trial.intent,
        icp: false,
        source: null,
        campaign: null,
        motion: text("lead.motion"),
        language: text("lead.language"),
        product: text("lead.product"),
      });
      const owner = text("account.owner");
      const ownerRep =
        owner === null
          ? undefined
          : await firstRow<{ id: string }>(
              tx,
              sql`select id from rep where id = ${owner} or crm_id = ${owner} order by id = ${owner} desc limit 1`,
            );
      const route = await routeHandoff(tx, {
        handoffId: id,
        round: 1,
        now: known.now,
        agreement,
        known,
        leadType: trial.leadType,
        priority: trial.priority,
        dueAt: trial.dueAt,
        arrivedAt: known.now,
        exclude: [],
        ownerId: ownerRep?.id ?? null,
        language: text("lead.language"),
        product: text("lead.product"),
        motion: text("lead.motion"),
      });
      return { route, roster: await loadRoster(tx) };
    },
    "rollback",
  );
}

import type { Instant } from "../../handoff/time/calendar.ts";
import type { ActionName } from "../../handoff/stage.ts";
import type { Action, ActionBody, Seen } from "../../handoff/process/event.ts";
import type { ActionResult } from "../../handoff/process/words.ts";
import { firstRow, sql, type Db } from "../postgres/db.ts";

export interface NewAction {
  readonly id: string;
  readonly leadId: string;
  readonly name: ActionName;
  /** Rep id, or token id of somebody who is not in the roster. */
  readonly by: string;
  readonly role: string;
  readonly body: ActionBody;
  readonly via: Action["via"];
  readonly receivedAt: Instant;
  /** What its sender was looking at; null when that was not said. */
  readonly seen?: Seen | null;
}

/**
 * An action as it is stored. `result` is null until the process, or the API for a refusal, has
 * answered.
 */
export interface StoredAction {
  readonly leadId: string;
  readonly name: ActionName;
  readonly by: string;
  readonly role: string;
  readonly receivedAt: Instant;
  readonly result: ActionResult | null;
  /** Whether the stored body equals the one just offered. */
  readonly sameBody: boolean;
}

/**
 * Stores the action before the process hears of it. A repeat of the same id changes nothing and
 * gets what is stored, so the first arrival's time stands.
 */
export async function noteAction(db: Db, action: NewAction): Promise<StoredAction> {
  const stored = await db.query(sql`
    insert into action (id, lead_id, name, by_id, role, body, via, received_at, handoff_id, round,
      seen_cycle, seen_stage)
    values (${action.id}, ${action.leadId}, ${action.name}, ${action.by}, ${action.role},
      ${JSON.stringify(action.body)}::jsonb,
      ${action.via}, ${new Date(action.receivedAt)},
      (select handoff_id from process where subject_kind = 'lead'
        and subject_id = ${action.leadId}),
      ${action.seen?.round ?? null}, ${action.seen?.cycle ?? null}, ${action.seen?.stage ?? null})
    on conflict (id) do nothing`);
  const { leadId, name, by, role, receivedAt } = action;
  if (stored.rowCount === 1)
    return { leadId, name, by, role, receivedAt, result: null, sameBody: true };
  const before = await storedAction(db, action.id, action.body);
  if (!before) throw new Error(`action ${action.id} was not stored`);
  return before;
}

/**
 * What is stored under an id, compared with the body just offered; undefined when there is nothing
 * yet.
 */
export async function storedAction(
  db: Db,
  id: string,
  body: ActionBody,
): Promise<StoredAction | undefined> {
  const row = await firstRow<{
    lead_id: string;
    name: ActionName;
    by_id: string;
    role: string;
    received_at: Date;
    result: ActionResult | null;
    same: boolean;
  }>(
    db,
    sql`
    select lead_id, name, by_id, role, received_at, result,
      body = ${JSON.stringify(body)}::jsonb as same from action where id = ${id}`,
  );
  return (
    row && {
      leadId: row.lead_id,
      name: row.name,
      by: row.by_id,
      role: row.role,
      receivedAt: row.received_at.getTime(),
      result: row.result,
      sameBody: row.same,
    }
  );
}

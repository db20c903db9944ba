import type { Instant } from "../../handoff/time/calendar.ts";
import type { ActionName } from "../../handoff/stage.ts";
import type { Action, ActionBody, Seen } from "../../handoff/process/event.ts";
import type { ActionResult, Subject } from "../../handoff/process/words.ts";
import { firstRow, sql, type Db } from "../postgres/db.ts";

/** A new action, about a lead or an account. */
export type NewAction = NotedAction &
  (
    | { readonly leadId: string; readonly accountId?: undefined }
    | { readonly accountId: string; readonly leadId?: undefined }
  );

interface NotedAction {
  readonly id: string;
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
  readonly subject: Subject;
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
  const { leadId = null, accountId = null } = action;
  const subject = subjectIn({ leadId, accountId });
  const stored = await db.query(sql`
    insert into action (id, lead_id, account_id, name, by_id, role, body, via, received_at, handoff_id, round,
      seen_cycle, seen_stage)
    values (${action.id}, ${leadId}, ${accountId}, ${action.name}, ${action.by}, ${action.role},
      ${JSON.stringify(action.body)}::jsonb,
      ${action.via}, ${new Date(action.receivedAt)},
      (select handoff_id from process where subject_kind = ${subject.kind}
        and subject_id = ${subject.id}),
      ${action.seen?.round ?? null}, ${action.seen?.cycle ?? null}, ${action.seen?.stage ?? null})
    on conflict (id) do nothing`);
  const { name, by, role, receivedAt } = action;
  if (stored.rowCount === 1)
    return { subject, name, by, role, receivedAt, result: null, sameBody: true };
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
    lead_id: string | null;
    account_id: string | null;
    name: ActionName;
    by_id: string;
    role: string;
    received_at: Date;
    result: ActionResult | null;
    same: boolean;
  }>(
    db,
    sql`
    select lead_id, account_id, name, by_id, role, received_at, result,
      body = ${JSON.stringify(body)}::jsonb as same from action where id = ${id}`,
  );
  return (
    row && {
      subject: subjectIn({ leadId: row.lead_id, accountId: row.account_id }),
      name: row.name,
      by: row.by_id,
      role: row.role,
      receivedAt: row.received_at.getTime(),
      result: row.result,
      sameBody: row.same,
    }
  );
}

/** Whom an action is about. */
export function subjectIn(row: {
  readonly leadId: string | null;
  readonly accountId: string | null;
}): Subject {
  return row.leadId === null
    ? { kind: "account", id: row.accountId ?? "" }
    : { kind: "lead", id: row.leadId };
}

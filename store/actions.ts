import type { Instant } from "../handoff/calendar.ts";
import type { ActionName } from "../handoff/stage.ts";
import type { ActionResult } from "../workflows/contract.ts";
import { firstRow, rows, sql, type Db } from "./db.ts";

/** What a rep learnt while working the lead (process.md, "Rep actions"): for figures and the next decision, never a gate. */
export interface Learnt {
  readonly fitRating?: number;
  readonly timeline?: string;
  readonly buyingSignals?: readonly string[];
  readonly note?: string;
}

/** `action.body` by name: what a person said, as the door let it in. Days are YYYY-MM-DD, instants ISO 8601 with offset. */
export interface ActionBodies {
  readonly logOutreach: Learnt & {
    readonly channel: "call" | "email" | "message" | "meeting";
    readonly outcome?: "attempted" | "connected" | "meeting_booked" | "replied" | "no_answer";
    /** When it happened; absent: when the action was received. */
    readonly occurredAt?: string;
  };
  readonly accept: Learnt;
  readonly reject: Learnt & { readonly reason: string; readonly revisitOn?: string };
  /** `to`: the next stage when absent. An amount is in minor units, with its currency, for the opportunity. */
  readonly advance: Learnt & {
    readonly to?: "sql" | "opportunity";
    readonly amountMinor?: number;
    readonly currency?: string;
  };
  readonly handBack: { readonly revisitOn?: string; readonly note?: string };
  /** `to` is a rep's id; absent: routed again. */
  readonly reassign: { readonly to?: string; readonly note?: string };
  /** `until` is an instant; absent: as long as the agreement allows. */
  readonly pause: { readonly reason: string; readonly until?: string; readonly note?: string };
  readonly resume: { readonly note?: string };
  /** `uphold`: the rejection stands; `overturn`: the lead goes back to the rep. */
  readonly decideContest: { readonly decision: "uphold" | "overturn"; readonly note?: string };
  readonly decideReview: {
    readonly decision: "keep" | "return" | "retire";
    readonly note?: string;
  };
}
export type ActionBody = ActionBodies[ActionName];

export interface NewAction {
  readonly id: string;
  readonly leadId: string;
  readonly name: ActionName;
  /** Rep id, or token id of somebody who is not in the roster. */
  readonly by: string;
  readonly role: string;
  readonly body: ActionBody;
  readonly via: "api" | "crm" | "import";
  readonly receivedAt: Instant;
}

/** An action as it is stored. `result` is null until the process, or the API for a refusal, has answered. */
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
 * Stores the action before the process hears of it. A repeat of the same id changes nothing and gets what is stored,
 * so the first arrival's time stands.
 */
export async function noteAction(db: Db, action: NewAction): Promise<StoredAction> {
  const stored = await db.query(sql`
    insert into action (id, lead_id, name, by_id, role, body, via, received_at)
    values (${action.id}, ${action.leadId}, ${action.name}, ${action.by}, ${action.role}, ${JSON.stringify(action.body)}::jsonb, ${action.via}, ${new Date(action.receivedAt)})
    on conflict (id) do nothing`);
  const { leadId, name, by, role, receivedAt } = action;
  if (stored.rowCount === 1)
    return { leadId, name, by, role, receivedAt, result: null, sameBody: true };
  const before = await storedAction(db, action.id, action.body);
  if (!before) throw new Error(`action ${action.id} was not stored`);
  return before;
}

/** Writes the answer of an action that has none yet, and gives the answer that stands. */
export async function settleAction(
  db: Db,
  id: string,
  result: ActionResult,
  now: Instant,
): Promise<ActionResult> {
  const settled = await db.query(sql`
    update action set result = ${JSON.stringify(result)}::jsonb, settled_at = ${new Date(now)} where id = ${id} and settled_at is null`);
  if (settled.rowCount === 1) return result;
  return (await resultOf(db, id)) ?? result;
}

/** The stored answer; null while there is none. */
export async function resultOf(db: Db, id: string): Promise<ActionResult | null> {
  const row = await firstRow<{ result: ActionResult | null }>(
    db,
    sql`select result from action where id = ${id}`,
  );
  return row?.result ?? null;
}

/** What is stored under an id, compared with the body just offered; undefined when there is nothing yet. */
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
    select lead_id, name, by_id, role, received_at, result, body = ${JSON.stringify(body)}::jsonb as same from action where id = ${id}`,
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

/** Actions of a lead that nobody answered yet, oldest first. */
export async function openActions(
  db: Db,
  leadId: string,
): Promise<{ id: string; name: ActionName; by: string; role: string; receivedAt: Instant }[]> {
  const found = await rows<{
    id: string;
    name: ActionName;
    by_id: string;
    role: string;
    received_at: Date;
  }>(
    db,
    sql`
    select id, name, by_id, role, received_at from action where lead_id = ${leadId} and settled_at is null order by received_at, id`,
  );
  return found.map((row) => ({
    id: row.id,
    name: row.name,
    by: row.by_id,
    role: row.role,
    receivedAt: row.received_at.getTime(),
  }));
}

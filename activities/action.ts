import type { ActionName } from "../handoff/stage.ts";
import { firstRow, sql, type Db } from "../store/db.ts";
import type { ActionResult } from "../workflows/contract.ts";

/** What a person said with an action, parsed at the API or from the CRM before it was stored. */
export interface ActionBody {
  readonly channel?: "call" | "email" | "message" | "meeting";
  readonly outcome?: "attempted" | "connected" | "meeting_booked" | "replied" | "no_answer";
  /** ISO instant. */
  readonly occurredAt?: string;
  readonly reason?: string;
  /** YYYY-MM-DD. */
  readonly revisitOn?: string;
  readonly note?: string;
  readonly fitRating?: number;
  readonly timeline?: string;
  readonly buyingSignals?: readonly string[];
  /** advance: the stage; reassign: the rep. */
  readonly to?: string;
  readonly amountMinor?: number;
  readonly currency?: string;
  readonly until?: string;
  readonly decision?: "uphold" | "overturn" | "keep" | "return" | "retire";
}

export interface ActionRow {
  readonly id: string;
  readonly lead_id: string;
  readonly name: ActionName;
  readonly by_id: string;
  readonly role: string;
  readonly body: ActionBody;
  readonly received_at: Date;
  readonly settled_at: Date | null;
  readonly result: ActionResult | null;
}

/** The action, locked: of two decisions that settle it, the second one finds the answer. */
export async function actionById(db: Db, id: string): Promise<ActionRow | undefined> {
  return firstRow<ActionRow>(
    db,
    sql`select id, lead_id, name, by_id, role, body, received_at, settled_at, result from action where id = ${id} for update`,
  );
}

import type { FactSource } from "../../handoff/facts/facts.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { send, sql, type Tx } from "../postgres/db.ts";

/** A person who was recorded a second time. */
export interface Duplicate {
  /** `merged`: the record of `otherId` ended. */
  readonly kind: "merged" | "arrived-again";
  readonly leadId: string;
  readonly otherId?: string;
  /** Through what the person arrived again. */
  readonly witness?: FactSource;
  readonly by: string;
}

/** Counts them, for the duplicate rate. */
export async function noteDuplicates(
  tx: Tx,
  duplicates: readonly Duplicate[],
  now: Instant,
): Promise<void> {
  if (duplicates.length === 0) return;
  await send(
    tx,
    sql`
    insert into duplicate (kind, lead_id, other_id, witness, by_id, at)
    select kind, "leadId", "otherId", witness, by, ${new Date(now)}
    from jsonb_to_recordset(${JSON.stringify(duplicates)}::jsonb) as d(kind text, "leadId" text,
      "otherId" text, witness text, by text)`,
  );
}

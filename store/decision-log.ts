import type { Instant } from "../handoff/calendar.ts";
import { rows, sql, type Db } from "./db.ts";

/** A decision as it was stored: what the rule was given and what it said. */
export interface StoredDecision {
  /** `lead/ld_…` */
  readonly subject: string;
  readonly cycle: number;
  readonly step: number;
  readonly kind: string;
  readonly at: Instant;
  readonly agreementId: string | null;
  readonly input: unknown;
  readonly output: unknown;
  readonly result: unknown;
}

const pageSize = 1000;

/** Every decision, by subject, cycle and step, read in pages. */
export async function* storedDecisions(db: Db): AsyncGenerator<StoredDecision> {
  let after = ["", "", 0, 0] as readonly [string, string, number, number];
  for (;;) {
    const page = await rows<Row>(
      db,
      sql`
      select d.* from decision d where (d.subject_kind, d.subject_id, d.cycle, d.step) > (${after[0]}, ${after[1]}, ${after[2]}::int, ${after[3]}::int)
      order by d.subject_kind, d.subject_id, d.cycle, d.step limit ${pageSize}`,
    );
    for (const row of page) yield fromRow(row);
    const last = page.at(-1);
    if (!last) return;
    after = [last.subject_kind, last.subject_id, last.cycle, last.step];
  }
}

interface Row {
  subject_kind: string;
  subject_id: string;
  cycle: number;
  step: number;
  kind: string;
  at: Date;
  agreement_id: string | null;
  input: unknown;
  output: unknown;
  result: unknown;
}

function fromRow(row: Row): StoredDecision {
  return {
    subject: `${row.subject_kind}/${row.subject_id}`,
    cycle: row.cycle,
    step: row.step,
    kind: row.kind,
    at: row.at.getTime(),
    agreementId: row.agreement_id,
    input: row.input,
    output: row.output,
    result: row.result,
  };
}

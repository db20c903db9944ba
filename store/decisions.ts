import type { DecisionKey } from "../workflows/contract.ts";
import { firstRow, inTransaction, sql, type Pool, type Tx } from "./db.ts";

/** What a decision leaves behind: what it was given, what the rule said, and what the workflow is told. */
export interface Decided<R> {
  readonly agreementId: string | null;
  readonly actionId?: string;
  /** Everything the pure function was given; `verify` hands it over again. */
  readonly input: unknown;
  /** What the pure function said; `verify` compares this. */
  readonly output: unknown;
  readonly result: R;
}

/**
 * Takes a decision once: `decide` runs in one transaction together with the row that remembers its answer.
 * Asked again with the same key, the stored answer comes back and nothing else happens; two at once are serialised
 * by the primary key (temporal.md, section 11: with a tiny cache local activities ran twice).
 */
export async function decideOnce<R>(pool: Pool, kind: string, key: DecisionKey, decide: (tx: Tx) => Promise<Decided<R>>): Promise<R> {
  try {
    return await inTransaction(pool, async (tx) => {
      const stored = await storedResult<R>(tx, key);
      if (stored !== undefined) return stored;
      const decided = await decide(tx);
      await tx.query(sql`
        insert into decision (subject_kind, subject_id, cycle, step, kind, at, agreement_id, action_id, input, output, result)
        values (${key.subject.kind}, ${key.subject.id}, ${key.cycle}, ${key.step}, ${kind}, ${new Date(key.now)}, ${decided.agreementId},
          ${decided.actionId ?? null}, ${JSON.stringify(decided.input)}, ${JSON.stringify(decided.output)}, ${JSON.stringify(decided.result)})`);
      return decided.result;
    });
  } catch (error) {
    // The twin that lost the race reads what the winner stored.
    if ((error as { code?: string }).code === "23505") {
      const stored = await storedResult<R>(pool, key);
      if (stored !== undefined) return stored;
    }
    throw error;
  }
}

async function storedResult<R>(db: Pick<Tx, "query">, key: DecisionKey): Promise<R | undefined> {
  const row = await firstRow<{ result: R }>(db, sql`
    select result from decision
    where subject_kind = ${key.subject.kind} and subject_id = ${key.subject.id} and cycle = ${key.cycle} and step = ${key.step}`);
  return row?.result;
}

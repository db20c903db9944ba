import type { DecisionKey } from "../workflows/contract.ts";
import { firstRow, inTransaction, send, sql, type Pool, type Tx } from "./db.ts";

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

/** How often a decision is begun anew when another one took its number meanwhile. */
const mostTries = 4;

/**
 * Takes a decision once: `decide` runs in one transaction together with the row that remembers its answer. Asked again
 * (same kind, number and workflow time) the stored answer comes back and nothing else happens; two at once are serialised
 * by the primary key (temporal.md, section 11: with a tiny cache local activities ran twice).
 *
 * A workflow task that failed after its decision was stored is run again, and by then something else may have come first:
 * the number is taken by a decision that the process knows nothing of. It stands, and this one gets the next free number;
 * `decide` is handed the key that counts. Decisions look at what is stored, so what is done already is not done twice.
 */
export async function decideOnce<R>(
  pool: Pool,
  kind: string,
  asked: DecisionKey,
  decide: (tx: Tx, key: DecisionKey) => Promise<Decided<R>>,
): Promise<R> {
  for (let tries = 1; ; tries++) {
    try {
      return await inTransaction(pool, async (tx) => {
        const stored = await storedUnder(tx, asked);
        if (stored?.kind === kind && stored.at.getTime() === asked.now) return stored.result as R;
        const key = stored ? { ...asked, step: await nextStep(tx, asked) } : asked;
        const decided = await decide(tx, key);
        await send(
          tx,
          sql`
          insert into decision (subject_kind, subject_id, cycle, step, kind, at, agreement_id, action_id, input, output, result)
          values (${key.subject.kind}, ${key.subject.id}, ${key.cycle}, ${key.step}, ${kind}, ${new Date(key.now)}, ${decided.agreementId},
            ${decided.actionId ?? null}, ${JSON.stringify(decided.input)}, ${JSON.stringify(decided.output)}, ${JSON.stringify(decided.result)})`,
        );
        return decided.result;
      });
    } catch (error) {
      // The twin that lost the race finds what the winner stored.
      if ((error as { code?: string }).code !== "23505" || tries >= mostTries) throw error;
    }
  }
}

async function storedUnder(
  db: Pick<Tx, "query">,
  key: DecisionKey,
): Promise<{ kind: string; at: Date; result: unknown } | undefined> {
  return firstRow(
    db,
    sql`
    select kind, at, result from decision
    where subject_kind = ${key.subject.kind} and subject_id = ${key.subject.id} and cycle = ${key.cycle} and step = ${key.step}`,
  );
}

async function nextStep(tx: Tx, key: DecisionKey): Promise<number> {
  const row = await firstRow<{ step: number }>(
    tx,
    sql`
    select max(step) + 1 as step from decision where subject_kind = ${key.subject.kind} and subject_id = ${key.subject.id} and cycle = ${key.cycle}`,
  );
  return row?.step ?? key.step;
}

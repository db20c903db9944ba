import { seedIfEmpty } from "../agreement/seed.ts";
import type { Pool } from "../store/db.ts";
import { ensureOperatorToken } from "../store/tokens.ts";

/** The example agreement and roster where there are none, and the operator's token when one is given. */
export async function loadFirstData(pool: Pool, operatorToken: string | undefined): Promise<void> {
  await seedIfEmpty(pool);
  if (operatorToken) await ensureOperatorToken(pool, operatorToken, Date.now());
}

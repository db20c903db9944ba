import { seedIfEmpty } from "../../agreement/seed.ts";
import type { Pool } from "../../store/postgres/db.ts";
import { ensureOperatorToken } from "../../store/access/tokens.ts";

/**
 * The example agreement and roster where there are none, and the operator's token when one is
 * given. Gives false when that token was revoked: it stays so.
 */
export async function loadFirstData(
  pool: Pool,
  operatorToken: string | undefined,
): Promise<boolean> {
  await seedIfEmpty(pool);
  if (!operatorToken) return true;
  return (await ensureOperatorToken(pool, operatorToken, Date.now())).isLive;
}

import { afterAll, beforeAll, beforeEach } from "vitest";
import { openPool, type Pool } from "../../store/postgres/db.ts";
import { freshDatabase, type FreshDatabase } from "./world.ts";

export interface TestDatabase {
  readonly url: string;
  /** Opened as the product opens its pools. */
  readonly pool: Pool;
}

/**
 * A migrated database of its own for a test file, from its first test to its last; called once, at
 * the top of the file. The tables of `empties` are emptied before each test, with whatever refers
 * to them.
 */
export function withDatabase({
  empties = [],
  max,
}: { readonly empties?: readonly string[]; readonly max?: number } = {}): TestDatabase {
  let database: FreshDatabase | undefined;
  let pool: Pool | undefined;
  beforeAll(async () => {
    database = await freshDatabase();
    pool = openPool(database.url, max === undefined ? {} : { max });
  });
  if (empties.length > 0)
    beforeEach(async () => {
      await pool?.query(`truncate ${empties.join(", ")} cascade`);
    });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
  });
  return {
    get url() {
      return opened(database).url;
    },
    get pool() {
      return opened(pool);
    },
  };
}

function opened<T>(one: T | undefined): T {
  if (one === undefined)
    throw new Error("expected a test or a hook: the database opens before them");
  return one;
}

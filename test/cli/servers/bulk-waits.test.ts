import { afterAll, beforeAll, expect, test } from "vitest";
import { bulkWaits, withPool } from "../../../cli/servers/servers.ts";
import { freshDatabase, type FreshDatabase } from "../../support/world.ts";

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

test("who writes a sample company waits longer for a statement than whoever asks something", async () => {
  const timeoutWith = (...waits: [] | [typeof bulkWaits]) =>
    withPool(
      database.url,
      async (pool) => {
        const { rows } = await pool.query<{ statement_timeout: string }>("show statement_timeout");
        return rows[0]?.statement_timeout;
      },
      ...waits,
    );
  expect(await timeoutWith()).toBe("10s");
  expect(await timeoutWith(bulkWaits)).toBe("10min");
});

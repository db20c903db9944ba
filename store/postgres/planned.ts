import { rows, type Db } from "./db.ts";

/**
 * All rows of a statement that is planned for its values each time, however often it is asked: a
 * list's plan depends on which of its filters are given.
 */
export function rowsAsGiven<T>(
  db: Db,
  { text, values }: { text: string; values: unknown[] },
): Promise<T[]> {
  return rows<T>(db, { text, values });
}

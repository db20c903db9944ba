import type { Subject } from "../workflows/contract.ts";
import { firstRow, sql, type Db } from "./db.ts";

/** The lead was erased, or merged into another one: nothing outside is to be told about it any more. */
export async function isLeadGone(db: Db, subject: Subject): Promise<boolean> {
  if (subject.kind !== "lead") return false;
  const row = await firstRow<{ gone: boolean }>(db, sql`select erased_at is not null or merged_into is not null as gone from lead where id = ${subject.id}`);
  return row?.gone ?? false;
}

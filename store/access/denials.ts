import type { Instant } from "../../handoff/time/calendar.ts";
import { audit } from "../postgres/audit.ts";
import { firstRow, inTransaction, sql, type Pool } from "../postgres/db.ts";

/** Something that was asked for by its id. */
export interface Sought {
  readonly kind: "lead" | "account" | "task" | "mail" | "rep";
  readonly id: string;
}

/**
 * Puts on record that somebody asked for what they may not see. What does not exist is nobody's:
 * nothing is written then, and false given.
 */
export async function noteDenial(
  pool: Pool,
  denial: { readonly actor: string; readonly route: string; readonly sought: Sought },
  now: Instant,
): Promise<boolean> {
  const { actor, route, sought } = denial;
  if (!(await exists(pool, sought))) return false;
  await inTransaction(pool, (tx) =>
    audit(
      tx,
      { actor, what: "access.denied", subject: sought.id, detail: { kind: sought.kind, route } },
      now,
    ),
  );
  return true;
}

async function exists(pool: Pool, { kind, id }: Sought): Promise<boolean> {
  const statement = {
    lead: () => sql`select from lead where id = ${id}`,
    account: () => sql`select from account where id = ${id}`,
    task: () => sql`select from task where id = ${id}`,
    rep: () => sql`select from rep where id = ${id}`,
    mail: () => sql`select from kept_mail where message_id = ${`<${id}>`}`,
  }[kind];
  return (await firstRow(pool, statement())) !== undefined;
}

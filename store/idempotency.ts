import type { Instant } from "../handoff/calendar.ts";
import { firstRow, sql, type Db } from "./db.ts";

/** A request as its sender may repeat it. */
export interface RepeatableRequest {
  readonly caller: string;
  readonly key: string;
  /** Method and address, so that a key used elsewhere is noticed. */
  readonly route: string;
  readonly bodyHash: string;
}

export type Claim =
  /** Nobody carried this request out yet: do it, then `keepAnswer` or `giveUp`. */
  | { readonly kind: "first" }
  | { readonly kind: "done"; readonly status: number; readonly response: unknown }
  | { readonly kind: "running" }
  | { readonly kind: "other-request" };

/** After this long a claim without an answer belongs to a process that died. No answer takes longer than three seconds. */
const abandonedMs = 15_000;

/** Claims the request for the one who asks first. */
export async function claim(db: Db, request: RepeatableRequest, now: Instant): Promise<Claim> {
  const { caller, key, route, bodyHash } = request;
  const won = await firstRow(
    db,
    sql`
    insert into idempotency_key (caller, key, route, body_hash, state, created_at)
    values (${caller}, ${key}, ${route}, ${bodyHash}, 'running', ${new Date(now)})
    on conflict (caller, key) do update set created_at = excluded.created_at
      where idempotency_key.state = 'running' and idempotency_key.created_at < ${new Date(now - abandonedMs)}
        and idempotency_key.route = excluded.route and idempotency_key.body_hash = excluded.body_hash
    returning key`,
  );
  if (won) return { kind: "first" };
  const row = await firstRow<{
    route: string;
    body_hash: string;
    state: string;
    status: number;
    response: unknown;
  }>(
    db,
    sql`
    select route, body_hash, state, status, response from idempotency_key where caller = ${caller} and key = ${key}`,
  );
  // The twin failed and gave its claim up between the two statements: the next attempt can have it.
  if (!row) return { kind: "running" };
  if (row.route !== route || row.body_hash !== bodyHash) return { kind: "other-request" };
  return row.state === "done"
    ? { kind: "done", status: row.status, response: row.response }
    : { kind: "running" };
}

/** Stores the answer; from now on a repeat gets it. */
export async function keepAnswer(
  db: Db,
  request: RepeatableRequest,
  status: number,
  response: unknown,
): Promise<void> {
  await db.query(sql`
    update idempotency_key set state = 'done', status = ${status}, response = ${JSON.stringify(response)}::jsonb
    where caller = ${request.caller} and key = ${request.key}`);
}

/** Nothing was done: a repeat is a first attempt again. */
export async function giveUp(db: Db, request: RepeatableRequest): Promise<void> {
  await db.query(
    sql`delete from idempotency_key where caller = ${request.caller} and key = ${request.key} and state = 'running'`,
  );
}

/** Forgets answers that nobody will ask for again; gives how many. */
export async function sweepAnswers(db: Db, before: Instant): Promise<number> {
  const swept = await db.query(
    sql`delete from idempotency_key where created_at < ${new Date(before)}`,
  );
  return swept.rowCount ?? 0;
}

import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, send, sql, type Db } from "../postgres/db.ts";

/** A request as its sender may repeat it. */
export interface RepeatableRequest {
  readonly caller: string;
  readonly key: string;
  /** Method and address, so that a key used elsewhere is noticed. */
  readonly route: string;
  readonly bodyHash: string;
}

/** What was answered, to be given again. */
export interface KeptAnswer {
  readonly status: number;
  readonly response: unknown;
  /** Those that the route set. */
  readonly headers: Readonly<Record<string, string>>;
}

export type KeyClaim =
  /** Nobody carried this request out yet: do it, then `keepAnswer` or `giveUp`. */
  | { readonly kind: "first" }
  | ({ readonly kind: "done" } & KeptAnswer)
  | { readonly kind: "running" }
  | { readonly kind: "other-request" };

/**
 * After this long a claim without an answer belongs to a process that died. No answer takes longer
 * than three seconds.
 */
const abandonedMs = 15_000;

/** Claims the key for the first request that has it. */
export async function claimKey(
  db: Db,
  request: RepeatableRequest,
  now: Instant,
): Promise<KeyClaim> {
  const { caller, key, route, bodyHash } = request;
  const won = await firstRow(
    db,
    sql`
    insert into idempotency_key (caller, key, route, body_hash, state, created_at)
    values (${caller}, ${key}, ${route}, ${bodyHash}, 'running', ${new Date(now)})
    on conflict (caller, key) do update set created_at = excluded.created_at
      where idempotency_key.state = 'running'
        and idempotency_key.created_at < ${new Date(now - abandonedMs)}
        and idempotency_key.route = excluded.route
          and idempotency_key.body_hash = excluded.body_hash
    returning key`,
  );
  if (won) return { kind: "first" };
  const row = await firstRow<{
    route: string;
    body_hash: string;
    state: string;
    status: number;
    response: unknown;
    headers: Record<string, string>;
  }>(
    db,
    sql`
    select route, body_hash, state, status, response, headers from idempotency_key
      where caller = ${caller}
      and key = ${key}`,
  );
  // The twin failed and gave its claim up between the two statements: the next attempt can have it.
  if (!row) return { kind: "running" };
  if (row.route !== route || row.body_hash !== bodyHash) return { kind: "other-request" };
  return row.state === "done"
    ? { kind: "done", status: row.status, response: row.response, headers: row.headers }
    : { kind: "running" };
}

/**
 * Stores answers; from now on a repeat gets them. In the transaction that does what was asked, so
 * that neither is there without the other, whatever happens to the connection.
 */
export async function storeAnswers(
  db: Db,
  answers: readonly (KeptAnswer & { readonly request: RepeatableRequest })[],
): Promise<void> {
  if (answers.length === 0) return;
  await send(
    db,
    sql`
    update idempotency_key k set state = 'done', status = given.status,
      response = given.response, headers = given.headers
    from unnest(${answers.map(({ request }) => request.caller)}::text[],
      ${answers.map(({ request }) => request.key)}::text[],
      ${answers.map(({ status }) => status)}::integer[],
      ${answers.map(({ response }) => JSON.stringify(response))}::jsonb[],
      ${answers.map(({ headers }) => JSON.stringify(headers))}::jsonb[])
      as given(caller, key, status, response, headers)
    where k.caller = given.caller and k.key = given.key`,
  );
}

/** Nothing was done: a repeat is a first attempt again. */
export async function releaseKey(db: Db, request: RepeatableRequest): Promise<void> {
  await db.query(
    sql`
      delete from idempotency_key where caller = ${request.caller} and key = ${request.key}
        and state = 'running'`,
  );
}

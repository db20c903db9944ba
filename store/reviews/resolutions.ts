import { endOfDay } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { audit } from "../postgres/audit.ts";
import { firstRow, sql, type Db, type Tx } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import type { ReviewRow } from "./reviews.ts";

/** What a review resolves to do. */
export interface NewResolution {
  readonly text: string;
  /** A role, or the id of a person of the roster. */
  readonly owner: string;
  /** YYYY-MM-DD */
  readonly dueOn: string;
  readonly proposal: string | null;
}

/** Who closes or makes a resolution: the person, where there is one, else the token. */
export interface Maker {
  readonly tokenId: string;
  readonly repId: string | null;
}

/** Writes down what a review resolved; gives its id. */
export async function addResolution(
  tx: Tx,
  review: Pick<ReviewRow, "id" | "kind" | "period" | "packet">,
  { text, owner, dueOn, proposal }: NewResolution,
  { tokenId, repId }: Maker,
  now: Instant,
): Promise<string> {
  const id = newId("rs", now);
  const over = new Date(endOfDay(review.packet.zone, dueOn));
  await tx.query(sql`
    insert into resolution (id, review_id, body, owner, due_on, due_at, remind_at, proposal, made_by,
      made_at)
    values (${id}, ${review.id}, ${text}, ${owner}, ${dueOn}::date, ${over}, ${over}, ${proposal},
      ${repId ?? tokenId}, ${new Date(now)})`);
  const detail = { review: review.id, owner, dueOn, proposal };
  await audit(tx, { actor: tokenId, what: "resolution.made", subject: id, detail }, now);
  return id;
}

/** A resolution, locked until the transaction ends; undefined when there is none. */
export async function lockResolution(
  tx: Tx,
  id: string,
): Promise<{ readonly state: string; readonly reviewId: string } | undefined> {
  return firstRow(
    tx,
    sql`select state, review_id as "reviewId" from resolution where id = ${id} for update`,
  );
}

/** Ends an open resolution: it is done, or will not be done. Call with its row locked. */
export async function closeResolution(
  tx: Tx,
  id: string,
  { state, note }: { readonly state: "done" | "dropped"; readonly note: string | null },
  { tokenId, repId }: Maker,
  now: Instant,
): Promise<void> {
  await tx.query(sql`
    update resolution set state = ${state}, note = ${note}, closed_by = ${repId ?? tokenId},
      closed_at = ${new Date(now)} where id = ${id}`);
  await audit(tx, { actor: tokenId, what: `resolution.${state}`, subject: id }, now);
}

/** Whether somebody active of the roster has this id. */
export async function isActivePerson(db: Db, id: string): Promise<boolean> {
  return (await firstRow(db, sql`select 1 from rep where id = ${id} and active`)) !== undefined;
}

import { dayEndsAt, waitAfter, type ReviewKind } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { audit } from "../postgres/audit.ts";
import { noteResolutionReminder } from "../effects/reminders.ts";
import { resolutionReaders } from "../effects/mail-recipients.ts";
import { firstRow, inTransaction, rows, sql, type Db, type Pool, type Tx } from "../postgres/db.ts";
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

/** Roles that can own a resolution, beside people. */
export const ownerRoles = ["marketing", "marketing-ops", "manager", "sales-ops", "revops"] as const;

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
  const over = new Date(dayEndsAt(review.packet.zone, dueOn));
  await tx.query(sql`
    insert into resolution (id, review_id, body, owner, due_on, due_at, remind_at, proposal,
      made_by,
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
): Promise<
  | {
      readonly state: string;
      readonly reviewId: string;
      /** YYYY-MM-DD, a day of `zone`. */
      readonly dueOn: string;
      readonly zone: string;
    }
  | undefined
> {
  return firstRow(
    tx,
    sql`
    select o.state, o.review_id as "reviewId", o.due_on::text as "dueOn", r.packet ->> 'zone' as zone
    from resolution o join review r on r.id = o.review_id where o.id = ${id} for update of o`,
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

/**
 * Gives an open resolution a later day; reminders begin anew with it. Call with its row locked.
 */
export async function carryOn(
  tx: Tx,
  { id, dueOn: from, zone }: { readonly id: string; readonly dueOn: string; readonly zone: string },
  dueOn: string,
  { tokenId, repId }: Maker,
  now: Instant,
): Promise<void> {
  const over = new Date(dayEndsAt(zone, dueOn));
  await tx.query(sql`
    update resolution set due_on = ${dueOn}::date, due_at = ${over}, remind_at = ${over},
      reminded = 0, carried = carried + 1, carried_by = ${repId ?? tokenId},
      carried_at = ${new Date(now)} where id = ${id}`);
  const detail = { from, to: dueOn };
  await audit(tx, { actor: tokenId, what: "resolution.carried", subject: id, detail }, now);
}

/** People that a list to choose from names at most. */
const mostOwners = 500;

/** Who may own a resolution: the roles, then everybody active of the roster, managers first. */
export async function ownersOf(
  db: Db,
): Promise<readonly { readonly id: string; readonly name: string | null }[]> {
  const people = await rows<{ id: string; name: string | null }>(
    db,
    sql`
    select id, name from rep where active
    order by (role <> 'manager'), name nulls last, id limit ${mostOwners}`,
  );
  return [...ownerRoles.map((id) => ({ id, name: null })), ...people];
}

/** Whether somebody active of the roster has this id. */
export async function isActivePerson(db: Db, id: string): Promise<boolean> {
  return (await firstRow(db, sql`select 1 from rep where id = ${id} and active`)) !== undefined;
}

/**
 * Asks whoever owns a resolution whose day is over: every day five times, then once a week; from the
 * second time on those above hear of it too. Several callers ask once. Gives how many it asked for.
 */
export function remindResolutions(pool: Pool, now: Instant): Promise<number> {
  return inTransaction(pool, async (tx) => {
    const due = await rows<{
      id: string;
      owner: string;
      dueOn: string;
      reminded: number;
      carried: number;
      kind: ReviewKind;
      period: string;
    }>(
      tx,
      sql`
      select o.id, o.owner, o.due_on::text as "dueOn", o.reminded, o.carried, r.kind,
        r.period
      from resolution o join review r on r.id = o.review_id
      where o.state = 'open' and o.remind_at <= ${new Date(now)}
      order by o.remind_at limit 100 for update of o skip locked`,
    );
    for (const { id, owner, dueOn, reminded, carried, kind, period } of due) {
      const said = { what: "resolution-waits" as const, resolutionId: id, kind, period };
      for (const tell of reminded === 0 ? tells.slice(0, 1) : tells)
        await noteResolutionReminder(
          tx,
          `${id}/waits/${carried === 0 ? "" : `${carried}-`}${reminded}/${tell}`,
          { ...said, owner, dueOn, tell },
          await resolutionReaders(tx, owner, tell),
          now,
        );
      const next = new Date(now + waitAfter(reminded));
      await tx.query(sql`
        update resolution set reminded = reminded + 1, remind_at = ${next} where id = ${id}`);
    }
    return due.length;
  });
}

const tells = ["holder", "above"] as const;

import type { Party } from "../../handoff/reviews/review.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, rows, sql, type Db } from "../postgres/db.ts";
import { newId } from "../postgres/ids.ts";
import type { Role } from "./tokens.ts";

/** Who signs in to the console; machines do not. */
export const loginRoles = [
  "operator",
  "revops",
  "marketing",
  "manager",
  "rep",
  "leader",
] as const satisfies readonly Role[];
export type LoginRole = (typeof loginRoles)[number];

/** Somebody who may sign in, whatever sessions they have. */
export interface Login {
  readonly id: string;
  readonly role: LoginRole;
  readonly repId: string | null;
  /** For which party a leader signs; null for everybody else. */
  readonly party: Party | null;
}

export interface LoginWish {
  readonly role: LoginRole;
  readonly repId?: string | undefined;
  readonly party?: Party | undefined;
  /** Tells people of one role apart who are not on the roster. */
  readonly label?: string | undefined;
}

/**
 * The login of somebody, made where it is not there yet. Reps and managers are people of the
 * roster; a leader may be one, and needs a party; the others are neither. Throws a RangeError
 * otherwise, and for somebody who has left.
 */
export async function ensureLogin(db: Db, wish: LoginWish, now: Instant): Promise<Login> {
  const { role, repId = null, party = null, label = "" } = wish;
  const isOfRoster = role === "rep" || role === "manager";
  if (isOfRoster && repId === null)
    throw new RangeError(`to sign in as ${role} needs the id of a person of the roster`);
  if ((role === "leader") !== (party !== null))
    throw new RangeError(
      party === null
        ? "to sign in as leader needs the party that they sign for"
        : `somebody who signs in as ${role} signs for no party`,
    );
  if (!isOfRoster && role !== "leader" && repId !== null)
    throw new RangeError(`whoever signs in as ${role} is no person of the roster`);
  if (repId !== null) {
    const person = await firstRow<{ active: boolean }>(
      db,
      sql`select active from rep where id = ${repId}`,
    );
    if (!person) throw new RangeError(`there is nobody ${repId} in the roster`);
    if (!person.active) throw new RangeError(`${repId} is not active in the roster`);
  }
  const row = await firstRow<{ id: string }>(
    db,
    sql`
    insert into login (id, role, rep_id, party, label, created_at)
    values (${newId("lg", now)}, ${role}, ${repId}, ${party}, ${label}, ${new Date(now)})
    on conflict (role, rep_id, party, label) do update set label = excluded.label
    returning id`,
  );
  if (!row) throw new Error("the login was not stored");
  return { id: row.id, role, repId, party };
}

/** The active rep or manager who has a mail address; null: nobody, or more than one. */
export async function personWithMail(
  db: Db,
  email: string,
): Promise<{ readonly repId: string; readonly role: "rep" | "manager" } | null> {
  const found = await rows<{ repId: string; role: "rep" | "manager" }>(
    db,
    sql`
    select id as "repId", role from rep
    where lower(email) = lower(${email}) and active and role in ('rep','manager') limit 2`,
  );
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** With which role a person of the roster signs in; null for others, and for who has left. */
export async function roleToSignIn(db: Db, repId: string): Promise<"rep" | "manager" | null> {
  const row = await firstRow<{ role: string }>(
    db,
    sql`select role from rep where id = ${repId} and active`,
  );
  return row?.role === "rep" || row?.role === "manager" ? row.role : null;
}

/** Whether single keys do nothing on the pages of this login. */
export async function setKeysOff(db: Db, loginId: string, keysOff: boolean): Promise<void> {
  await db.query(sql`update login set keys_off = ${keysOff} where id = ${loginId}`);
}

import type { MailKind } from "../mail/message.ts";
import type { CalendarDef } from "../handoff/calendar.ts";
import { firstRow, rows, sql, type Db } from "./db.ts";
import type { Effect } from "./effects.ts";

/** A person of the roster who gets a message, or a role that nobody fills: then the operator finds it among the kept mail. */
export type Recipient =
  | { readonly kind: "person"; readonly id: string; readonly name: string; readonly email: string; readonly zone: string | null }
  | { readonly kind: "vacant"; readonly role: string };

/** Whom a message is for when its effect names nobody. `owner` and `manager` are those of the handoff. */
const usually: Readonly<Record<MailKind, "owner" | "manager" | "fallback" | "marketing" | "operations">> = {
  "offer": "owner",
  "warning": "owner",
  "breach": "manager",
  "escalation": "manager",
  "reassigned-away": "owner",
  "withdrawn": "owner",
  "contested": "manager",
  "contest-decided": "owner",
  "fallback-queue": "fallback",
  "nurture-review": "marketing",
  "renurture-review": "marketing",
  "stalled": "manager",
  "crm-paused": "operations",
};

/** Names in agreements for roles of the roster. */
const roleOf: Readonly<Record<string, string>> = { "marketing-ops": "marketing", "sales-operations": "sales-ops", "operator": "sales-ops" };

/**
 * Who gets the mail of this effect: the person in `payload.to`, else everybody active with the role or queue in
 * `payload.role`, else whom the kind of message is usually for. Nobody at all comes back as a vacant role.
 */
export async function recipientsOf(db: Db, effect: Effect, kind: MailKind): Promise<Recipient[]> {
  const { to, role } = effect.payload;
  if (typeof to === "string") return orVacant(await people(db, sql`where r.id = ${to}`), "sales-ops");
  if (typeof role === "string") return withRole(db, role);
  switch (usually[kind]) {
    case "owner": return orVacant(await people(db, sql`where r.id = (select rep_id from handoff where id = ${effect.handoffId})`), "sales-ops");
    case "manager": return managerOf(db, effect.handoffId);
    case "fallback": return withRole(db, await queueOf(db, effect) ?? "sales-ops");
    case "marketing": return withRole(db, "marketing");
    case "operations": return withRole(db, "sales-ops");
  }
}

/** The rep's own manager; without one, every manager. */
async function managerOf(db: Db, handoffId: string | null): Promise<Recipient[]> {
  const own = await people(db, sql`where r.active and r.id = (select m.manager_id from handoff h join rep m on m.id = h.rep_id where h.id = ${handoffId})`);
  return own.length > 0 ? own : withRole(db, "manager");
}

async function queueOf(db: Db, effect: Effect): Promise<string | null> {
  const row = await firstRow<{ queue: string | null }>(db, sql`select queue from lead where id = ${effect.subject.id}`);
  return row?.queue ?? null;
}

async function withRole(db: Db, name: string): Promise<Recipient[]> {
  return orVacant(await people(db, sql`where r.active and r.role = ${roleOf[name] ?? name} order by r.id limit 100`), name);
}

function orVacant(found: Recipient[], role: string): Recipient[] {
  return found.length > 0 ? found : [{ kind: "vacant", role }];
}

type PersonRow = { id: string; name: string; email: string; hours: CalendarDef | null; pool_hours: CalendarDef | null };

/** A person's times are told in the zone of their hours, else in that of their pool. */
async function people(db: Db, where: { text: string; values: unknown[] }): Promise<Recipient[]> {
  const found = await rows<PersonRow>(db, {
    text: `select r.id, r.name, r.email, r.hours,
             (select p.hours from pool_member m join pool p on p.id = m.pool_id where m.rep_id = r.id and p.hours is not null order by p.id limit 1) as pool_hours
           from rep r ${where.text}`,
    values: where.values,
  });
  return found.map((row) => ({ kind: "person" as const, id: row.id, name: row.name, email: row.email, zone: row.hours?.zone ?? row.pool_hours?.zone ?? null }));
}

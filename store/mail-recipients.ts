import type { MailKind } from "../mail/message.ts";
import type { CalendarDef } from "../handoff/calendar.ts";
import { firstRow, rows, sql, type Db } from "./db.ts";
import type { Effect } from "./effects.ts";
import { shared } from "./shared.ts";

/** A person of the roster who gets a message, or a role that nobody fills: then the operator finds it among the kept mail. */
export type Recipient =
  | {
      readonly kind: "person";
      readonly id: string;
      readonly name: string;
      readonly email: string;
      readonly zone: string | null;
    }
  | { readonly kind: "vacant"; readonly role: string };

/** Whom a message is for when its effect names no role. `owner` is the rep it is about, `manager` that rep's. */
const usually: Readonly<
  Record<MailKind, "owner" | "manager" | "fallback" | "marketing" | "operations">
> = {
  offer: "owner",
  warning: "owner",
  breach: "manager",
  escalation: "manager",
  "reassigned-away": "owner",
  withdrawn: "owner",
  contested: "manager",
  "contest-decided": "owner",
  "fallback-queue": "fallback",
  "nurture-review": "marketing",
  "renurture-review": "marketing",
  stalled: "manager",
  "crm-paused": "operations",
};

/** Names in agreements for roles of the roster. */
const roleOf: Readonly<Record<string, string>> = {
  "marketing-ops": "marketing",
  "sales-operations": "sales-ops",
  operator: "sales-ops",
};

/**
 * Who gets the mail of this effect: everybody active with the role in `payload.role`; else whom the kind of message is
 * for, where the rep is the one in `payload.repId`, else the handoff's. Nobody at all comes back as a vacant role.
 */
export async function recipientsOf(db: Db, effect: Effect, kind: MailKind): Promise<Recipient[]> {
  const { repId, role, queue } = effect.payload;
  if (typeof role === "string") return withRole(db, role);
  const rep = typeof repId === "string" ? repId : await repOf(db, effect.handoffId);
  switch (usually[kind]) {
    case "owner":
      return orVacant(rep === null ? [] : await personTogether(db, rep), "sales-ops");
    case "manager":
      return managerOf(db, rep);
    case "fallback":
      return withRole(
        db,
        typeof queue === "string" ? queue : ((await queueOf(db, effect)) ?? "sales-ops"),
      );
    case "marketing":
      return withRole(db, "marketing");
    case "operations":
      return withRole(db, "sales-ops");
  }
}

async function repOf(db: Db, handoffId: string | null): Promise<string | null> {
  const row = await firstRow<{ rep_id: string | null }>(
    db,
    sql`select rep_id from handoff where id = ${handoffId}`,
  );
  return row?.rep_id ?? null;
}

/** The rep's own manager; without one, every manager. */
async function managerOf(db: Db, repId: string | null): Promise<Recipient[]> {
  const own = await people(
    db,
    sql`where r.active and r.id = (select manager_id from rep where id = ${repId})`,
  );
  return own.length > 0 ? own : withRole(db, "manager");
}

async function queueOf(db: Db, effect: Effect): Promise<string | null> {
  const row = await firstRow<{ queue: string | null }>(
    db,
    sql`select queue from lead where id = ${effect.subject.id}`,
  );
  return row?.queue ?? null;
}

async function withRole(db: Db, name: string): Promise<Recipient[]> {
  return orVacant(
    await people(
      db,
      sql`where r.active and r.role = ${roleOf[name] ?? name} order by r.id limit 100`,
    ),
    name,
  );
}

function orVacant(found: Recipient[], role: string): Recipient[] {
  return found.length > 0 ? found : [{ kind: "vacant", role }];
}

const personTogether = shared(async (db, ids: readonly string[]): Promise<Recipient[][]> => {
  const found = await people(db, sql`where r.id = any(${ids})`);
  return ids.map((id) => found.filter((one) => one.kind === "person" && one.id === id));
});

type PersonRow = {
  id: string;
  name: string;
  email: string;
  hours: CalendarDef | null;
  pool_hours: CalendarDef | null;
};

/** A person's times are told in the zone of their hours, else in that of their pool. */
async function people(db: Db, where: { text: string; values: unknown[] }): Promise<Recipient[]> {
  const found = await rows<PersonRow>(db, {
    text: `select r.id, r.name, r.email, r.hours,
             (select p.hours from pool_member m join pool p on p.id = m.pool_id where m.rep_id = r.id and p.hours is not null order by p.id limit 1) as pool_hours
           from rep r ${where.text}`,
    values: where.values,
  });
  return found.map((row) => ({
    kind: "person" as const,
    id: row.id,
    name: row.name,
    email: row.email,
    zone: row.hours?.zone ?? row.pool_hours?.zone ?? null,
  }));
}

import { leading } from "../access/leaders.ts";
import { signingParties, type Party } from "../../handoff/reviews/review.ts";
import type { CalendarDef } from "../../handoff/time/calendar.ts";
import { addresseeOf, type Addressee } from "../../handoff/process/message.ts";
import type { EffectMessage } from "../../messages/message.ts";
import { rows, sql, type Db } from "../postgres/db.ts";
import { seeAccount } from "../views/accounts.ts";
import { seeLead } from "../views/leads.ts";
import { reachOf } from "../views/reach.ts";
import { coalesce } from "../postgres/coalesce.ts";

/**
 * An active person of the roster who gets a message, or nobody: then the operator finds it among
 * the kept mail, under the role. `meantFor`: the person it was written to, who is not there.
 */
export type Recipient =
  | {
      readonly kind: "person";
      readonly id: string;
      readonly name: string;
      readonly email: string;
      readonly role: string;
      readonly zone: string | null;
    }
  | { readonly kind: "vacant"; readonly role: string; readonly meantFor: string | null };

/** Names in agreements for roles of the roster. */
const roleOf: Readonly<Record<string, string>> = {
  "marketing-ops": "marketing",
  "sales-operations": "sales-ops",
  operator: "sales-ops",
};

/**
 * Who gets a message: the person it is written to; the first active manager above the rep it is
 * about; or everybody active with a role. The same people as for the task of the decision.
 */
export async function recipientsOf(db: Db, message: EffectMessage): Promise<Recipient[]> {
  if (message.what === "renurture-review") return withRole(db, message.role);
  if (message.what === "review-opened") return readersOfReviews(db);
  if (message.what === "review-waits")
    return message.tell === "party"
      ? whoSigns(db, message.parties)
      : aboveWhoSigns(db, message.parties);
  if (message.what === "signature-asked") return whoSigns(db, signingParties);
  if (message.what === "crm-paused") return withRole(db, "sales-ops");
  const addressee = addresseeOf(message);
  switch (addressee.to) {
    case "person":
      return toPerson(db, addressee.id);
    case "manager":
      return toManager(db, addressee);
    case "role":
      return withRole(db, addressee.role);
    default:
      return addressee satisfies never;
  }
}

/**
 * Whether a reader may open the page of a lead or an account; what a vacant role gets is read by the
 * operator.
 */
export async function mayOpen(
  db: Db,
  { kind, id }: { readonly kind: "lead" | "account"; readonly id: string },
  reader: Recipient,
): Promise<boolean> {
  const scope = reader.kind === "vacant" ? "all" : (scopes[reader.role] ?? "all");
  const reach = await reachOf(db, scope, reader.kind === "person" ? reader.id : null);
  const seen = await (kind === "lead" ? seeLead(db, id, reach) : seeAccount(db, id, reach));
  return seen !== undefined;
}

/** How far people of these roles reach; everybody else sees every lead. */
const scopes: Readonly<Record<string, "own" | "team">> = { rep: "own", manager: "team" };

/** Somebody of the roster who works; undefined for everybody else. */
export async function personForMail(
  db: Db,
  id: string,
): Promise<Extract<Recipient, { kind: "person" }> | undefined> {
  const [found] = await personTogether(db, id);
  return found?.kind === "person" ? found : undefined;
}

/** Who reads what waits for this person, or for this role that nobody fills. */
export async function readerOf(db: Db, reader: string): Promise<Recipient> {
  const isId = reader.startsWith("rp_");
  const found = isId ? await personForMail(db, reader) : undefined;
  return (
    found ?? {
      kind: "vacant",
      role: isId ? "sales-ops" : reader,
      meantFor: isId ? reader : null,
    }
  );
}

async function toPerson(db: Db, id: string): Promise<Recipient[]> {
  const found = await personTogether(db, id);
  return found.length > 0 ? found : [{ kind: "vacant", role: "sales-ops", meantFor: id }];
}

/**
 * The first active person from there upwards, or above; where the roster names none, every manager.
 * A circle of managers ends: nobody is asked twice.
 */
async function toManager(
  db: Db,
  { of: id, from }: Extract<Addressee, { to: "manager" }>,
): Promise<Recipient[]> {
  const least = from === "there" ? 0 : 1;
  const found =
    id === null
      ? []
      : await people(
          db,
          sql`
    where r.id = (
      with recursive up as (
        select r.id, r.manager_id, r.active, 0 as height, array[r.id] as seen from rep r
        where r.id = ${id}
        union all
        select m.id, m.manager_id, m.active, up.height + 1, up.seen || m.id
        from up join rep m on m.id = up.manager_id where m.id <> all(up.seen)
      ) select id from up where active and height >= ${least} order by height limit 1)`,
        );
  return found.length > 0 ? found : withRole(db, "manager");
}

async function withRole(db: Db, name: string): Promise<Recipient[]> {
  const found = await people(
    db,
    sql`where r.active and r.role = ${roleOf[name] ?? name} order by r.id limit 100`,
  );
  // What waits for managers of whom none is there waits for the office, which sees every task.
  if (found.length === 0 && name === "manager") return withRole(db, "sales-ops");
  return found.length > 0 ? found : [{ kind: "vacant", role: name, meantFor: null }];
}

/** Whose role reads reviews, where nobody leads the party. */
const rolesOfParty: Readonly<Record<Party, string>> = { marketing: "marketing", sales: "manager" };

/** The readers of both parties, their managers, and whoever signs; each once. */
async function readersOfReviews(db: Db): Promise<Recipient[]> {
  return once([
    ...(await leaders(db, signingParties)),
    ...(await withRole(db, "marketing")),
    ...(await withRole(db, "manager")),
    ...(await people(db, sql`where r.active and r.role = 'sales-ops' order by r.id limit 100`)),
  ]);
}

/** Who leads these parties; where the roster names none, whoever has the role. */
async function whoSigns(db: Db, of: readonly Party[]): Promise<Recipient[]> {
  const found: Recipient[] = [];
  for (const party of of) {
    const theirs = await leaders(db, [party]);
    found.push(...(theirs.length > 0 ? theirs : await withRole(db, rolesOfParty[party])));
  }
  return once(found);
}

/** The managers of those who lead these parties, and sales operations. */
async function aboveWhoSigns(db: Db, of: readonly Party[]): Promise<Recipient[]> {
  const above = await people(
    db,
    sql`
      where r.active and r.id in (select l.manager_id from ${leading} g join rep l
        on l.id = g.rep_id where g.party = any(${of}::text[]))
      order by r.id`,
  );
  return once([...above, ...(await withRole(db, "sales-ops"))]);
}

function leaders(db: Db, of: readonly Party[]): Promise<Recipient[]> {
  return people(
    db,
    sql`
      where r.active and r.id in (select g.rep_id from ${leading} g
        where g.party = any(${of}::text[])) order by r.id`,
  );
}

function once(all: readonly Recipient[]): Recipient[] {
  const byId = new Map(all.map((one) => [one.kind === "person" ? one.id : one.role, one]));
  return [...byId.values()];
}

/** Who is asked about a resolution: its owner or everybody with that role, or who is above. */
export async function resolutionReaders(
  db: Db,
  owner: string,
  tell: "holder" | "above",
): Promise<string[]> {
  const isPerson = owner.startsWith("rp_");
  const found =
    tell === "holder"
      ? await (isPerson ? toPerson(db, owner) : withRole(db, owner))
      : await (isPerson
          ? toManager(db, { to: "manager", of: owner, from: "above" })
          : withRole(db, "sales-ops"));
  return found.map((one) => (one.kind === "person" ? one.id : (one.meantFor ?? one.role)));
}

const personTogether = coalesce(async (db, ids: readonly string[]): Promise<Recipient[][]> => {
  const found = await people(db, sql`where r.active and r.id = any(${ids})`);
  return ids.map((id) => found.filter((one) => one.kind === "person" && one.id === id));
});

type PersonRow = {
  id: string;
  name: string;
  email: string;
  role: string;
  hours: CalendarDef | null;
  pool_hours: CalendarDef | null;
};

/** A person's times are told in the zone of their hours, else in that of their pool. */
async function people(db: Db, where: { text: string; values: unknown[] }): Promise<Recipient[]> {
  const found = await rows<PersonRow>(db, {
    text: `select r.id, r.name, r.email, r.role, r.hours,
             (select p.hours from pool_member m join pool p on p.id = m.pool_id
               where m.rep_id = r.id and p.hours is not null order by p.id limit 1) as pool_hours
           from rep r ${where.text}`,
    values: where.values,
  });
  return found.map(({ id, name, email, role, hours, pool_hours: pool }) => ({
    kind: "person" as const,
    id,
    name,
    email,
    role,
    zone: hours?.zone ?? pool?.zone ?? null,
  }));
}

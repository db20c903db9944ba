import type { Instant } from "../../handoff/time/calendar.ts";
import type { Seen } from "../../handoff/process/event.ts";
import type { AccountHandoffRecord } from "../../crm/crm.ts";
import { send, sql, type Pool, type Tx } from "../postgres/db.ts";
import { houseAccount, type HouseAccount } from "./rows.ts";
import {
  recordDeed,
  shownBy,
  statusDeed,
  inOwnOrGiven,
  type HouseDeed,
  type HouseAttempt,
  type HouseChange,
  type HouseStatus,
} from "./user.ts";

/** Sets the status of a company's handoff, with what belongs to it. */
export function setHouseAccountStatus(
  db: Pool | Tx,
  id: string,
  by: string,
  status: HouseStatus,
  now: Instant,
  seen?: Seen,
): Promise<HouseChange<HouseAccount>> {
  return changeAccount(db, id, now, async (tx, handoff) => {
    await show(tx, id, {
      ...handoff,
      status: status.status,
      statusSince: now,
      reason: status.reason ?? handoff.reason,
    });
    return { by, seen: seen ?? shownBy(handoff), deed: statusDeed(status) };
  });
}

/** Gives a company's handoff to another user, or to nobody. */
export function setHouseAccountOwner(
  db: Pool | Tx,
  id: string,
  by: string,
  owner: string | null,
  now: Instant,
  seen?: Seen,
): Promise<HouseChange<HouseAccount>> {
  return changeAccount(db, id, now, async (tx, handoff) => {
    await show(tx, id, { ...handoff, ownerId: owner });
    return { by, seen: seen ?? shownBy(handoff), deed: { kind: "owner", owner } };
  });
}

/** Logs an attempt to reach any person of a company. */
export function logHouseAccountOutreach(
  db: Pool | Tx,
  id: string,
  by: string,
  { channel, outcome, occurredAt }: HouseAttempt,
  now: Instant,
  seen?: Seen,
): Promise<HouseChange<HouseAccount>> {
  return changeAccount(db, id, now, async (tx, handoff, { sequence }) => {
    const at = new Date(occurredAt);
    await send(
      tx,
      sql`
      insert into house_note (key, account_id, body, by_id, at)
      values (${`outreach/${id}/${sequence + 1}`}, ${id}, ${`${channel}: ${outcome}`}, ${by},
        ${at})`,
    );
    const deed = { kind: "outreach" as const, channel, outcome, occurredAt: at.toISOString() };
    return { by, seen: seen ?? shownBy(handoff), deed };
  });
}

async function show(tx: Tx, id: string, handoff: AccountHandoffRecord): Promise<void> {
  await send(
    tx,
    sql`
    update house_account set handoff = ${JSON.stringify(handoff)}::jsonb where id = ${id}`,
  );
}

/** One user's change of a company that was handed off, and the event that tells of it. */
async function changeAccount(
  db: Pool | Tx,
  id: string,
  now: Instant,
  change: (
    tx: Tx,
    handoff: AccountHandoffRecord,
    account: HouseAccount,
  ) => Promise<Exclude<HouseDeed, { field: string }>>,
): Promise<HouseChange<HouseAccount>> {
  return inOwnOrGiven(db, async (tx) => {
    const account = await houseAccount(tx, id, true);
    if (!account) return { kind: "missing" };
    const { accountId, handoff, sequence } = account;
    if (handoff === null)
      return { kind: "refused", field: "id", detail: "expected a company that was handed off" };
    const of = { id, sequence, record: "account" as const, leadId: null, accountId };
    await recordDeed(tx, "house_account", of, await change(tx, handoff, account), now);
    const record = await houseAccount(tx, id);
    if (!record) throw new Error("the company is gone");
    return { kind: "done", record };
  });
}

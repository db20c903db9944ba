import type { Instant } from "../../handoff/time/calendar.ts";
import { isoOf } from "../../handoff/time/dates.ts";
import { firstRow, sql, type Db } from "../postgres/db.ts";

/** Whether the day's mail with the head of the audit trail is for this process to send. */
export async function claimAnchorMail(db: Db, now: Instant): Promise<boolean> {
  const won = await firstRow(
    db,
    sql`
    insert into anchor_mail (day, sent_at) values (${dayOf(now)}, ${new Date(now)})
    on conflict (day) do nothing returning day`,
  );
  return won !== undefined;
}

/** It could not be sent: another try is due. */
export async function releaseAnchorMail(db: Db, now: Instant): Promise<void> {
  await db.query(sql`delete from anchor_mail where day = ${dayOf(now)}`);
}

function dayOf(now: Instant): string {
  return isoOf(now).slice(0, 10);
}

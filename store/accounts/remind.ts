import { askAgain } from "../../handoff/process/asking.ts";
import { dueByOffice } from "../../handoff/clocks/office.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { AccountWaits } from "../../messages/message.ts";
import { noteAccountReminder } from "../effects/reminders.ts";
import { taskReaders } from "../effects/mail-recipients.ts";
import { firstRow, inTransaction, rows, sql, type Db, type Pool } from "../postgres/db.ts";
import type { Agreements } from "../process/agreements.ts";
import { scheduleTask } from "../process/human-tasks.ts";

/** Tells whoever has the task about an account, or who is above, that it waits. */
export async function tellOfAccount(
  db: Db,
  key: string,
  message: Omit<AccountWaits, "what">,
  now: Instant,
): Promise<void> {
  const { assigneeId, role, tell } = message;
  const readers = await taskReaders(db, { assigneeId, role }, tell);
  await noteAccountReminder(db, key, { what: "account-waits", ...message }, readers, now);
}

/**
 * Asks again about engaged accounts to which nobody has seen, as about every task: a reminder, then
 * up the agreement's ladder, again and again. Gives how many were asked about.
 */
export async function remindOfAccounts(
  { pool, agreements }: { readonly pool: Pool; readonly agreements: Agreements },
  now: Instant,
): Promise<number> {
  const version = await agreements.active(pool);
  if (!version) return 0;
  const { agreement } = version;
  return inTransaction(pool, async (tx) => {
    const due = await rows<{
      id: string;
      accountId: string;
      role: string;
      assigneeId: string | null;
      since: Date;
      dueAt: Date | null;
      remindAt: Date;
      reminded: number;
      contacts: number;
    }>(
      tx,
      sql`
      select id, subject_id as "accountId", role, assignee_id as "assigneeId", since,
        due_at as "dueAt", remind_at as "remindAt", reminded,
        coalesce((detail ->> 'contacts')::int, 0) as contacts
      from task where state = 'open' and subject_kind = 'account' and kind = 'account-engaged'
        and remind_at <= ${new Date(now)}
      order by remind_at limit 100 for update skip locked`,
    );
    for (const task of due) {
      const { id, accountId, role, assigneeId, contacts } = task;
      const above = await activeAbove(tx, assigneeId);
      const asked = { remindAt: task.remindAt.getTime(), reminded: task.reminded };
      const next = askAgain(agreement, asked, above, now);
      const subject = { kind: "account" as const, id: accountId };
      const told = { accountId, role, contacts, since: task.since.getTime() };
      const key = `${id}/waits/${now}`;
      if (next.do === "move-up") {
        const dueAt = dueByOffice(agreement, agreement.tasks.within, now);
        const has = { assigneeId: next.to, dueAt };
        const remindAt = Math.max(dueAt, now + 1);
        await scheduleTask(tx, subject, { kind: "account-engaged", ...has, remindAt, reminded: 0 });
        await tellOfAccount(tx, `${key}/holder`, { ...told, ...has, tell: "holder" }, now);
        continue;
      }
      const has = { assigneeId, dueAt: task.dueAt?.getTime() ?? now };
      const { remindAt, reminded } = next;
      await scheduleTask(tx, subject, { kind: "account-engaged", ...has, remindAt, reminded });
      const tells = [
        ...(next.isHolderTold ? (["holder"] as const) : []),
        ...(next.isAboveTold && above !== null ? (["above"] as const) : []),
      ];
      for (const tell of tells)
        await tellOfAccount(tx, `${key}/${tell}`, { ...told, ...has, tell }, now);
    }
    return due.length;
  });
}

/** The first active person above somebody; null where the roster names none. */
async function activeAbove(db: Db, repId: string | null): Promise<string | null> {
  if (repId === null) return null;
  const found = await firstRow<{ id: string }>(
    db,
    sql`
    with recursive up as (
      select r.manager_id as id, array[r.id] as seen from rep r where r.id = ${repId}
      union all
      select m.manager_id, up.seen || m.id from up join rep m on m.id = up.id
        where not m.active and m.id <> all(up.seen))
    select r.id from up join rep r on r.id = up.id and r.active limit 1`,
  );
  return found?.id ?? null;
}

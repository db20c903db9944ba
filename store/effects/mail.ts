import type { Mail } from "../../messages/mail/mail.ts";
import type { Instant } from "../../handoff/time/calendar.ts";
import { firstRow, sql, type Db } from "../postgres/db.ts";
import { rowsAsGiven } from "../postgres/planned.ts";
import { coalesce } from "../postgres/coalesce.ts";

/** A message kept in Postgres, as `GET /mail` shows it. */
export interface KeptMail {
  readonly messageId: string;
  readonly leadId: string | null;
  readonly repId: string | null;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly sentAt: Instant;
}

/**
 * Keeps a message; a repeat of its message id changes nothing. One about a person who is erased at
 * this moment waits for that and is not kept: it was written from what was known before.
 */
export async function keepMail(db: Db, mail: Mail, now: Instant): Promise<void> {
  await keepTogether(db, { mail, at: new Date(now) });
}

const keepTogether = coalesce(
  async (db, asked: readonly { readonly mail: Mail; readonly at: Date }[]): Promise<void[]> => {
    const given = asked.map(({ mail: { messageId, about, to, subject, text, html }, at }) => ({
      messageId,
      leadId: about.leadId,
      repId: about.repId,
      to,
      subject,
      text,
      html,
      at,
    }));
    await db.query(sql`
    with given as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(given)}::jsonb)
        as g("messageId" text, "leadId" text, "repId" text, "to" text, subject text, text text,
          html text, at timestamptz)),
    about as materialized (select id, erased_at from lead where id in (select "leadId" from given)
      order by id for key share)
    insert into kept_mail (message_id, lead_id, to_rep, recipient, subject, body_text, body_html,
      sent_at)
    select "messageId", "leadId", "repId", "to", subject, text, html, at from given
    where not exists (select from about where about.id = given."leadId" and erased_at is not null)
    order by "messageId" on conflict (message_id) do nothing`);
    return asked.map(() => undefined);
  },
);

export interface MailQuery {
  readonly repId?: string | undefined;
  readonly leadId?: string | undefined;
  /** Only messages older than this one: where the last page ended. */
  readonly after?: { readonly sentAt: Instant; readonly messageId: string } | undefined;
  readonly limit: number;
}

/** Kept messages, newest first. */
export async function listMail(db: Db, query: MailQuery): Promise<KeptMail[]> {
  const after = query.after;
  const found = await rowsAsGiven<MailRow>(
    db,
    sql`
    select * from kept_mail
    where (${query.repId ?? null}::text is null or to_rep = ${query.repId ?? null})
      and (${query.leadId ?? null}::text is null or lead_id = ${query.leadId ?? null})
      and (${after === undefined}
        or (sent_at, message_id) < (${after ? new Date(after.sentAt) : null}::timestamptz,
        ${after?.messageId ?? null}::text))
    order by sent_at desc, message_id desc limit ${query.limit}`,
  );
  return found.map(mailOf);
}

export async function mailById(db: Db, messageId: string): Promise<KeptMail | undefined> {
  const row = await firstRow<MailRow>(
    db,
    sql`select * from kept_mail where message_id = ${messageId}`,
  );
  return row && mailOf(row);
}

type MailRow = {
  message_id: string;
  lead_id: string | null;
  to_rep: string | null;
  recipient: string;
  subject: string;
  body_text: string;
  body_html: string;
  sent_at: Date;
};

function mailOf(row: MailRow): KeptMail {
  return {
    messageId: row.message_id,
    leadId: row.lead_id,
    repId: row.to_rep,
    to: row.recipient,
    subject: row.subject,
    text: row.body_text,
    html: row.body_html,
    sentAt: row.sent_at.getTime(),
  };
}

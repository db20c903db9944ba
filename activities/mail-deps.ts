import type { Instant } from "../handoff/time/calendar.ts";
import type { MailLinks } from "../messages/link.ts";
import type { MailPort } from "../messages/mail/mail.ts";
import type { Pool } from "../store/postgres/db.ts";

export interface MailDeps {
  readonly pool: Pool;
  readonly mail: MailPort;
  /** Without a slash at the end. */
  readonly publicUrl: string;
  /** What links in mails may do; absent: act. */
  readonly mailLinks?: MailLinks;
  readonly clock: () => Instant;
}

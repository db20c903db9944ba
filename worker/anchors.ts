import type { Logger } from "pino";
import type { Instant } from "../handoff/time/calendar.ts";
import { isoOf } from "../handoff/time/dates.ts";
import { auditAnchored } from "../messages/operations.ts";
import { messageIdOf, type MailPort } from "../messages/mail/mail.ts";
import { render } from "../messages/mail/render.ts";
import { appendAnchor, lastAnchor } from "../store/postgres/anchor-file.ts";
import { auditHead, lostAnchors, type AuditAnchor } from "../store/postgres/audit.ts";
import type { Pool } from "../store/postgres/db.ts";
import { claimAnchorMail, releaseAnchorMail } from "../store/effects/anchor-mail.ts";
import { every, type Repeated } from "./every.ts";

export interface AnchorDeps {
  readonly pool: Pool;
  readonly mail: MailPort;
  readonly clock: () => Instant;
  readonly log: Pick<Logger, "warn" | "error">;
  /** The file of the anchors; absent: none is kept. */
  readonly file: string | undefined;
  /** Where the head of each day is mailed to; absent: nowhere. */
  readonly operator: string | undefined;
  readonly everyMs?: number;
}

/**
 * Notes the head of the audit trail outside of the database, so that a trail that was cut or worked
 * out anew is found (`baton verify`): in a file within a minute, and once a day in a mail to the
 * operator.
 */
export function startAnchors(deps: AnchorDeps): Repeated {
  const { clock, log, pool } = deps;
  let isBroken = false;
  if (deps.file === undefined && deps.operator === undefined)
    log.warn(
      "the head of the audit trail is noted nowhere, so that a cut is not found; set AUDIT_ANCHORS " +
        "or OPERATOR_MAIL",
    );
  const round = async (): Promise<void> => {
    const head = await auditHead(pool);
    if (deps.file !== undefined) {
      const last = await lastAnchor(deps.file);
      const [lost] = last === null ? [] : await lostAnchors(pool, [last]);
      if (lost !== undefined && !isBroken)
        log.error({ audit: lost.id }, "the audit trail is not the one that was anchored");
      isBroken = lost !== undefined;
      // The file keeps what was; another line would say that all is well.
      if (isBroken) return;
      if (head !== null && head.id !== last?.id) await appendAnchor(deps.file, head, clock());
    }
    if (head !== null && deps.operator !== undefined) await mailHead(deps, deps.operator, head);
  };
  return every(deps.everyMs ?? 60_000, round, (error) =>
    log.warn(
      { error: error instanceof Error ? error.name : "unknown" },
      "the audit trail could not be anchored; it is tried again",
    ),
  );
}

async function mailHead(
  { pool, mail, clock }: AnchorDeps,
  operator: string,
  head: AuditAnchor,
): Promise<void> {
  const now = clock();
  if (!(await claimAnchorMail(pool, now))) return;
  try {
    await mail.send({
      ...render(auditAnchored(head, isoOf(now).slice(0, 10))),
      to: operator,
      messageId: messageIdOf(`audit/${isoOf(now).slice(0, 10)}`, "operator"),
      headers: { "Auto-Submitted": "auto-generated" },
      about: { leadId: null, repId: null },
    });
  } catch (error) {
    await releaseAnchorMail(pool, now);
    throw error;
  }
}

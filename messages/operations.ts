import type { AuditAnchor } from "../store/postgres/audit.ts";
import { called } from "../words/called.ts";
import type { Draft, MailNames, Of, PoolLeadLine } from "./message.ts";
import { consoleLink, consolePages } from "./console-link.ts";
import { at, known, leadLink, leadRows, spoken, timeRow, whom } from "./words.ts";

/** To the fallback queue: no rep was eligible. */
export function fallbackQueue(message: Of<"fallback-queue">, names: MailNames): Draft {
  const { queue, dueAt } = message;
  const due =
    dueAt === null ? "" : ` Whoever takes it: its first outreach is due by ${at(names, dueAt)}.`;
  return {
    subject: `Nobody to take it: ${whom(names)}`,
    opening: `Routing found nobody for ${whom(names)}; it waits in the queue ${queue}.${due}`,
    rows: [...leadRows(names), ...known([timeRow("Due", names, dueAt)])],
    next: ["Assign it to a rep."],
    link: leadLink(names),
  };
}

/** To marketing: in nurture for as long as the agreement allows without a human look. */
export function nurtureReview(message: Of<"nurture-review">, names: MailNames): Draft {
  const since = at(names, message.since);
  return {
    subject: `Nurture review: ${whom(names)}`,
    opening:
      `${whom(names)} has been in nurture since ${since}; it is time for somebody to look at ` +
      "it.",
    rows: [...leadRows(names), ["In nurture since", since]],
    next: [
      "Keep it in nurture, or retire it. It stays in nurture until you decide.",
      "If it crosses a threshold meanwhile, it goes to sales by itself.",
    ],
    link: leadLink(names),
  };
}

/**
 * To marketing: the re-nurture pool's review, once more at half time; to managers when it is
 * overdue.
 */
export function renurtureReview(message: Of<"renurture-review">, names: MailNames): Draft {
  const { step, period, count, dueAt, reviewId } = message;
  const wait = `${leads(count)} ${count === 1 ? "waits" : "wait"} for a decision`;
  return {
    subject: `${reviewTitles[step]} review ${period}: ${leads(count)}`,
    opening:
      step === "overdue"
        ? `The review of the re-nurture pool is overdue: ${wait} that was due ${at(names, dueAt)}.`
        : `The re-nurture pool is due for review: ${wait} by ${at(names, dueAt)}.`,
    rows: names.pool.map(poolRow),
    next: ["Keep, return or retire each lead; those left undecided stay on the list."],
    link: consoleLink(names, "See and decide it", consolePages.review(reviewId), {
      menu: `the review ${period}`,
      command: `npx baton review show ${reviewId}`,
    }),
  };
}

const reviewTitles: Readonly<Record<Of<"renurture-review">["step"], string>> = {
  opened: "Re-nurture",
  reminder: "Reminder: re-nurture",
  overdue: "Overdue: re-nurture",
};

function leads(count: number): string {
  return `${count} ${count === 1 ? "lead" : "leads"}`;
}

function poolRow({
  id,
  name,
  email,
  company,
  reason,
  engagementsSince: n,
}: PoolLeadLine): readonly [string, string] {
  const whom = called({ id, name, email, company });
  const since = `${n} ${n === 1 ? "engagement" : "engagements"} since`;
  return [
    [...new Set([whom, company ?? whom])].join(", "),
    [reason && spoken(reason), since, id].filter(Boolean).join("; "),
  ];
}

/**
 * To the operator: the CRM refuses our credentials, so its connection is paused. Sent once.
 */
export function crmPaused(message: Of<"crm-paused">, names: MailNames): Draft {
  const { connection, since } = message;
  return {
    subject: `The connection ${connection} is paused`,
    opening:
      "The CRM does not accept Baton's credentials. Leads go on being handed off; what the CRM " +
      "must be told is kept and made up for later.",
    rows: [
      ["Connection", connection],
      ["Paused since", at(names, since)],
    ],
    next: [
      "Renew the credentials. Baton tries again every few minutes and goes on by itself; this " +
        "message is not repeated.",
    ],
    link: consoleLink(names, "See how it stands", consolePages.system, {
      menu: "System",
      command: "npx baton doctor",
    }),
  };
}

/** To the operator: where the audit trail ends today, for a comparison later. */
export function auditAnchored({ id, hash }: AuditAnchor, day: string): Draft {
  return {
    subject: `Audit trail of ${day}: row ${id}`,
    opening:
      `On ${day} the audit trail ended with row ${id}. Whoever changes it in the database ` +
      "cannot change this mail.",
    rows: [
      ["Row", String(id)],
      ["Hash", hash],
    ],
    next: [`Keep this mail. Any day later, \`npx baton verify --anchor ${id}:${hash}\` compares.`],
    link: null,
  };
}

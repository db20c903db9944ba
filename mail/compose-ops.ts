import type { MailFacts, Message } from "./message.ts";
import { due, known, leadLink, leadRows, said, spoken, whom } from "./words.ts";
import { when } from "./when.ts";

/** To the fallback queue: routing found nobody. */
export function fallbackQueue(facts: MailFacts): Message {
  return {
    subject: `Nobody to take it: ${whom(facts)}`,
    opening: `Routing found nobody for ${whom(facts)}; it waits in the queue ${said(facts, "queue", "of last resort")}.`,
    rows: [...leadRows(facts), ["Outreach due", due(facts)]],
    next: ["Assign it to a rep. The lead's page shows who was considered and why not."],
    link: leadLink(facts),
  };
}

/** To marketing: a lead has been in nurture for as long as the agreement allows without a human look. */
export function nurtureReview(facts: MailFacts): Message {
  return {
    subject: `Nurture review: ${whom(facts)}`,
    opening: `${whom(facts)} has been in nurture long enough for somebody to look at it. Please decide by ${due(facts)}.`,
    rows: leadRows(facts),
    next: ["Keep it in nurture, hand it to sales, or retire it."],
    link: leadLink(facts),
  };
}

/** To marketing: the re-nurture pool's review packet, and once more at half time; to managers when it is overdue. */
export function renurtureReview(facts: MailFacts): Message {
  const count = said(facts, "count", String(facts.pool.length));
  const { reviewId: review, step } = facts.said;
  return {
    subject: `${step === "reminder" ? "Reminder: re-nurture" : step === "overdue" ? "Overdue: re-nurture" : "Re-nurture"} review${facts.said["period"] ? ` ${said(facts, "period", "")}` : ""}: ${count} ${count === "1" ? "lead" : "leads"}`,
    opening: `${step === "overdue" ? "The review of the re-nurture pool is overdue" : "The re-nurture pool is due for review"}: ${count} ${count === "1" ? "lead waits" : "leads wait"} for a decision${facts.dueAt === null ? "" : ` ${step === "overdue" ? "that was due" : "by"} ${due(facts)}`}.`,
    rows: facts.pool.map((lead) => [
      [lead.name ?? lead.id, lead.company].filter(Boolean).join(", "),
      `${lead.reason ? `${spoken(lead.reason)}; ` : ""}${lead.engagementsSince} ${lead.engagementsSince === 1 ? "engagement" : "engagements"} since; ${facts.publicUrl}/leads/${lead.id}`,
    ]),
    next: ["Keep, return or retire each lead; those left undecided stay on the list."],
    link:
      typeof review === "string"
        ? {
            words: "Open the review",
            url: `${facts.publicUrl}/reviews/${encodeURIComponent(review)}`,
          }
        : null,
  };
}

/** To whoever runs Baton: the CRM refuses our credentials, so its connection is paused. Sent once. */
export function crmPaused(facts: MailFacts): Message {
  const since = facts.said["since"];
  return {
    subject: `The connection ${said(facts, "connection", "to the CRM")} is paused`,
    opening: `The CRM does not accept Baton's credentials. Leads go on being handed off; what the CRM must be told is kept and made up for later.`,
    rows: known([
      ["Connection", said(facts, "connection", "crm")],
      ["Paused since", typeof since === "number" ? when(since, facts.reader.zone) : null],
    ]),
    next: [
      "Renew the credentials. Baton tries again every few minutes and goes on by itself; this message is not repeated.",
    ],
    link: null,
  };
}

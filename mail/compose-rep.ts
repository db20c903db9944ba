import type { MailFacts, Message } from "./message.ts";
import { due, known, leadLink, leadRows, said, spoken, whom } from "./words.ts";

/** To the rep who has it now: a lead is theirs, and by when to call. */
export function offer(facts: MailFacts): Message {
  return {
    subject: `New lead: ${whom(facts)}, outreach due ${due(facts)}`,
    opening: `${facts.reader.name}, ${whom(facts)} is yours. Outreach is due by ${due(facts)}.`,
    rows: [...leadRows(facts), ["Outreach due", due(facts)]],
    next: [
      "Reach out and log the attempt in the CRM or in Baton; that stops the outreach clock.",
      "Then accept the lead, or reject it with a reason from the agreement.",
    ],
    link: leadLink(facts),
  };
}

/** To the rep: part of the time is used up. */
export function warning(facts: MailFacts): Message {
  const clock = said(facts, "clock", "outreach");
  return {
    subject: `Reminder: ${clock} for ${whom(facts)} due ${due(facts)}`,
    opening: `${facts.reader.name}, the ${clock} clock of ${whom(facts)} is running out. It is due by ${due(facts)}.`,
    rows: [...leadRows(facts), ["Due", due(facts)]],
    next:
      clock === "status"
        ? [
            "Accept the lead, or reject it with a reason from the agreement.",
            "If the lead asked to wait, pause the clock with that reason.",
          ]
        : [
            "Reach out and log the attempt.",
            "If you cannot take it, hand it back now: a hand-back in time is no miss.",
          ],
    link: leadLink(facts),
  };
}

/** To the rep who had it: somebody else has it now. */
export function reassignedAway(facts: MailFacts): Message {
  return {
    subject: `Reassigned: ${whom(facts)}`,
    opening: `${facts.reader.name}, ${whom(facts)} is no longer yours.`,
    rows: known([
      ["Lead", whom(facts)],
      ["Why", spoken(said(facts, "because", "it was given to somebody else"))],
    ]),
    next: [
      "Please stop working on it. If you have spoken to them already, log that, so that it is not lost.",
    ],
    link: leadLink(facts),
  };
}

/** To the rep who had it: the offer is over because of suppression, merge or erasure. */
export function withdrawn(facts: MailFacts): Message {
  return {
    subject: `Withdrawn: ${whom(facts)}`,
    opening: `${facts.reader.name}, the handoff of ${whom(facts)} was withdrawn. Please do not contact them any more.`,
    rows: known([
      ["Lead", facts.lead && whom(facts)],
      ["Why", spoken(said(facts, "because", "the lead may not be contacted"))],
    ]),
    next: ["There is nothing to do. It does not count against you."],
    link: leadLink(facts),
  };
}

/** To the rep who rejected it: what the manager decided. */
export function contestDecided(facts: MailFacts): Message {
  const overturned = ["overturned", "overturn"].includes(said(facts, "decision", ""));
  return {
    subject: `${overturned ? "Rejection overturned" : "Rejection upheld"}: ${whom(facts)}`,
    opening: overturned
      ? `${facts.reader.name}, your rejection of ${whom(facts)} was overturned: the lead is yours again.`
      : `${facts.reader.name}, your rejection of ${whom(facts)} stands.`,
    rows: known([
      ["Reason given", facts.reason && spoken(facts.reason)],
      ["Due", overturned ? due(facts) : null],
    ]),
    next: overturned
      ? ["Reach out and log the attempt; the clock runs."]
      : ["There is nothing to do."],
    link: leadLink(facts),
  };
}

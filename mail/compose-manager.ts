import type { MailFacts, Message } from "./message.ts";
import { due, known, leadLink, leadRows, said, spoken, whom } from "./words.ts";

/** To the manager: a deadline passed. */
export function breach(facts: MailFacts): Message {
  const clock = said(facts, "clock", "outreach");
  return {
    subject: `Overdue: ${clock} for ${whom(facts)}, ${facts.owner ?? "no owner"}`,
    opening: `The ${clock} deadline of ${whom(facts)} passed on ${due(facts)}. ${facts.owner ? `It lies with ${facts.owner}.` : "Nobody has it."}`,
    rows: [...leadRows(facts), ...known([["Owner", facts.owner]]), ["Was due", due(facts)]],
    next: [
      "Ask the owner, or reassign the lead. If nothing happens Baton goes on along the agreement's escalation ladder.",
    ],
    link: leadLink(facts),
  };
}

/** To the manager: the ladder is used up, or another rung was taken. */
export function escalation(facts: MailFacts): Message {
  return {
    subject: `Needs you: ${whom(facts)}`,
    opening: `${whom(facts)} was not picked up in time and now waits for you.`,
    rows: [
      ...leadRows(facts),
      ...known([
        ["Last owner", facts.owner],
        ["Why", spoken(said(facts, "because", "the escalation ladder is used up"))],
      ]),
      ["Was due", due(facts)],
    ],
    next: ["Reassign the lead to somebody who can take it now."],
    link: leadLink(facts),
  };
}

/** To the manager: a rejection contradicts what is known. */
export function contested(facts: MailFacts): Message {
  return {
    subject: `Contested rejection: ${whom(facts)}`,
    opening: `${facts.owner ?? "A rep"} rejected ${whom(facts)}, and the facts contradict the reason. Please decide by ${due(facts)}.`,
    rows: [
      ...leadRows(facts),
      ...known([
        ["Rejected by", facts.owner],
        ["Reason given", facts.reason && spoken(facts.reason)],
      ]),
      ["Decide by", due(facts)],
    ],
    next: [
      "Uphold the rejection, or overturn it; the trace on the lead's page shows which facts contradict it.",
    ],
    link: leadLink(facts),
  };
}

/** To the manager: accepted, and then nothing happened. */
export function stalled(facts: MailFacts): Message {
  return {
    subject: `Stalled: ${whom(facts)}, ${facts.owner ?? "no owner"}`,
    opening: `Nothing has happened with ${whom(facts)} for longer than the agreement allows.`,
    rows: [
      ...leadRows(facts),
      ...known([
        ["Owner", facts.owner],
        ["Why", said(facts, "because", "")],
      ]),
    ],
    next: ["Ask the owner where it stands; then reassign it, hand it back, or let it go on."],
    link: leadLink(facts),
  };
}

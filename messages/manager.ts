import type { Draft, MailNames, Of } from "./message.ts";
import {
  at,
  capital,
  known,
  ladder,
  leadLink,
  leadRows,
  nameOf,
  nameOrNobody,
  noun,
  spoken,
  timeRow,
  toReader,
  whom,
} from "./words.ts";

/** To the manager: a deadline passed. */
export function breach(message: Of<"breach">, names: MailNames): Draft {
  const { clock, dueAt, repId, next } = message;
  const rep = nameOrNobody(names, repId);
  return {
    subject: `Overdue: ${clock} for ${whom(names)}, ${rep}`,
    opening: toReader(
      names,
      `the ${clock} deadline of ${whom(names)} passed on ${at(
        names,
        dueAt,
      )}, while ${rep} had it. ${ladder(names, next, repId)}`,
    ),
    rows: [...leadRows(names), ["Missed by", rep], ["Was due", at(names, dueAt)]],
    next: isTaken(next)
      ? ["Ask why it was missed."]
      : [`Ask the rep, or reassign the ${noun(names)}.`],
    link: leadLink(names),
  };
}

/** To the manager: a missed deadline is shown, or the lead waits to be assigned. */
export function escalation(message: Of<"escalation">, names: MailNames): Draft {
  const { because, clock, dueAt, next, repId, waits } = message;
  const rows = [
    ...leadRows(names),
    ...known([
      [waits || isTaken(next) ? "Last with" : "With", repId === null ? null : nameOf(names, repId)],
      ["Why", spoken(because)],
      timeRow(`${capital(clock ?? "it")} was due`, names, dueAt),
    ]),
  ];
  if (waits) {
    return {
      subject: `Needs you: ${whom(names)}`,
      opening: toReader(
        names,
        `${whom(names)} waits for a manager to assign it: ${spoken(because)}.`,
      ),
      rows,
      next: ["Assign it to somebody who can take it now."],
      link: leadLink(names),
    };
  }
  const stays = isTaken(next) || repId === null ? "" : ` It is with ${nameOf(names, repId)}.`;
  const follows =
    next === null ? "It stays there unless somebody acts." : ladder(names, next, repId);
  return {
    subject: `For your attention: ${whom(names)}, ${nameOrNobody(names, repId)}`,
    opening: toReader(names, `${spoken(because)}: ${whom(names)}.${stays} ${follows}`),
    rows,
    next: isTaken(next)
      ? ["Ask why it was missed."]
      : [`Ask the rep, or reassign the ${noun(names)}.`],
    link: leadLink(names),
  };
}

/** To the manager: a rejection contradicts what is known. */
export function contested(message: Of<"contested">, names: MailNames): Draft {
  const { repId, reason, dueAt } = message;
  const rep = repId === null ? "a rep" : nameOf(names, repId);
  return {
    subject: `Contested rejection: ${whom(names)}, decide by ${at(names, dueAt)}`,
    opening: toReader(
      names,
      `${rep} rejected ${whom(names)}, and the facts contradict the reason "${spoken(
        reason,
      )}". Please decide by ${at(names, dueAt)}.`,
    ),
    rows: [
      ...leadRows(names),
      ["Rejected by", rep],
      ["Reason given", spoken(reason)],
      ["Decide by", at(names, dueAt)],
    ],
    next: [
      "Uphold the rejection: then it stands.",
      `Or overturn it: then the ${noun(names)} is routed to somebody else.`,
    ],
    link: leadLink(names),
  };
}

/** To the manager: accepted, and then nothing happened. */
export function stalled(message: Of<"stalled">, names: MailNames): Draft {
  const { repId, because } = message;
  return {
    subject: `Stalled: ${whom(names)}, ${nameOrNobody(names, repId)}`,
    opening: toReader(
      names,
      `nothing has happened with ${whom(names)} for longer than the agreement allows.`,
    ),
    rows: [...leadRows(names), ["With", nameOrNobody(names, repId)], ["Why", because]],
    next: ["Ask where it stands.", "Then reassign it, have it handed back, or let it go on."],
    link: leadLink(names),
  };
}

type Rung = Of<"breach">["next"];

/** The same decision took the lead from its rep. */
function isTaken(next: Rung): boolean {
  return next !== null && next.at === null && next.do !== "manager-task";
}

import type { Draft, MailNames, Of } from "./message.ts";
import {
  asked,
  at,
  capital,
  known,
  leadLink,
  leadRow,
  leadRows,
  nameOf,
  noun,
  spoken,
  spokenAction,
  stageName,
  timeRow,
  toReader,
  whom,
} from "./words.ts";

/** To the rep who has it now: a lead is theirs, what is asked, and by when. */
export function offer(message: Of<"offer">, names: MailNames): Draft {
  const { clock, dueAt, stage, again } = message;
  const isAccepted = stage !== "mql";
  const what = isAccepted
    ? "Handed to you"
    : again
      ? `${capital(noun(names))} for you`
      : newOne(names);
  const due = clock === null || dueAt === null ? null : `${clock} due ${at(names, dueAt)}`;
  const said = isAccepted ? `; it is ${stageName(stage)} already` : "";
  const time = due === null ? "No deadline is running for it." : capital(`${due}.`);
  return {
    subject: [`${what}: ${whom(names)}`, due].filter(Boolean).join(", "),
    opening: toReader(names, `${whom(names)} is yours${said}. ${time}`),
    rows: [
      ...leadRows(names),
      ...known([
        ["Stage", isAccepted ? stageName(stage) : null],
        ["Offered before", again ? "yes" : null],
        timeRow(`${capital(clock ?? "")} due`, names, dueAt),
      ]),
    ],
    next: nextOf(message, names),
    link: leadLink(names),
  };
}

function newOne(names: MailNames): string {
  return noun(names) === "account" ? "Engaged account" : "New lead";
}

function nextOf({ stage, clock }: Of<"offer">, names: MailNames): readonly string[] {
  const outreach =
    noun(names) === "account"
      ? "Reach out to any of its people and log the attempt in Baton"
      : "Reach out and log the attempt in the CRM or in Baton";
  switch (stage) {
    case "mql":
      return [
        `${outreach}; that stops the outreach clock.`,
        `Then accept the ${noun(names)}, or reject it with a reason from the agreement.`,
      ];
    case "opportunity":
      return ["Go on with the opportunity in the CRM."];
    case "sql":
      return ["Go on with it: open the opportunity, or hand it back."];
    default:
      return [
        clock === "outreach" ? `${outreach}; that stops the outreach clock.` : `${outreach}.`,
        "Confirm fit, need and timing, or hand it back.",
      ];
  }
}

/** To the rep: part of the time is used up. */
export function warning(message: Of<"warning">, names: MailNames): Draft {
  const { clock, dueAt, fraction } = message;
  const used = `${Math.round(fraction * 100)}% of the time for ${asked(clock, names)} is used up`;
  const due = dueAt === null ? "" : ` due ${at(names, dueAt)}`;
  return {
    subject: `Reminder: ${clock} for ${whom(names)}${due}`,
    opening: toReader(
      names,
      `${used}.${dueAt === null ? "" : ` It is due by ${at(names, dueAt)}.`}`,
    ),
    rows: [...leadRows(names), ...known([timeRow(`${capital(clock)} due`, names, dueAt)])],
    next:
      clock === "status"
        ? [
            `Accept the ${noun(names)}, or reject it with a reason from the agreement.`,
            `If the ${noun(names)} asked to wait, pause the clock with that reason.`,
          ]
        : [
            "Reach out and log the attempt.",
            "If you cannot take it, hand it back before then: that is no miss.",
          ],
    link: leadLink(names),
  };
}

/** To the rep who had it: it is not theirs any more. */
export function reassignedAway(message: Of<"reassigned-away">, names: MailNames): Draft {
  return {
    subject: `No longer yours: ${whom(names)}`,
    opening: toReader(names, `${whom(names)} is no longer yours.`),
    rows: [...leadRow(names), ["Why", spoken(message.because)]],
    next: [
      "Please stop working on it.",
      "If you have spoken to them already, tell your manager, so that it is not lost.",
    ],
    link: leadLink(names),
  };
}

/** To the rep who had it: the handoff is over because of suppression, merge or erasure. */
export function withdrawn(message: Of<"withdrawn">, names: MailNames): Draft {
  const { because, mergedInto } = message;
  return {
    subject: `Withdrawn: ${whom(names)}`,
    opening: toReader(
      names,
      mergedInto === null
        ? `the handoff of ${whom(names)} was withdrawn. Please do not contact them any more.`
        : `the handoff of ${whom(names)} is over: the record was merged into another one, ${noun(
            names,
          )} ${mergedInto}.`,
    ),
    rows: [...leadRow(names), ["Why", spoken(because)], ...known([["Goes on as", mergedInto]])],
    next:
      mergedInto === null
        ? ["There is nothing to do. No clock of yours runs for it any more."]
        : ["Please leave this record as it is. Whoever has the other one goes on with the person."],
    link: leadLink(names),
  };
}

/** To who has the lead: another record of the person became part of it. */
export function merged(message: Of<"merged">, names: MailNames): Draft {
  const { from, withRep } = message;
  const had = withRep === null ? "" : ` ${nameOf(names, withRep)} had it until now.`;
  return {
    subject: `One person, two records: ${whom(names)}`,
    opening: toReader(
      names,
      `a second record of ${whom(names)}, lead ${from}, was merged into the lead that you have.${had}`,
    ),
    rows: [
      ...leadRows(names),
      ["Merged in", from],
      ...known([["Was with", withRep === null ? null : nameOf(names, withRep)]]),
    ],
    next: [
      "What the person did, and every attempt to reach them, is in the history of your lead now.",
      ...(withRep === null ? [] : ["Ask your colleague what was said before you go on."]),
    ],
    link: leadLink(names),
  };
}

/** To the rep who rejected it: what the manager decided. */
export function contestDecided(message: Of<"contest-decided">, names: MailNames): Draft {
  const { decision, reason } = message;
  const overturned = decision === "overturned";
  return {
    subject: `Rejection ${decision}: ${whom(names)}`,
    opening: toReader(
      names,
      overturned
        ? `your rejection of ${whom(names)} was overturned. The ${noun(names)} is routed to somebody else.`
        : `your rejection of ${whom(names)} stands.`,
    ),
    rows: [...leadRow(names), ...known([["Reason given", reason && spoken(reason)]])],
    next: [
      overturned
        ? "There is nothing to do: it is not with you any more, and no clock of yours runs for it."
        : "There is nothing to do.",
    ],
    link: leadLink(names),
  };
}

/** To the author of an action that came by another system: it was not taken, and what stands. */
export function actionRefused(message: Of<"action-refused">, names: MailNames): Draft {
  const { action, because, stage, owner } = message;
  const did = spokenAction(action);
  return {
    subject: `Not taken: ${did}, ${whom(names)}`,
    opening: toReader(
      names,
      `what you entered for ${whom(names)} (${did}) was not taken: ${because}.`,
    ),
    rows: [
      ...leadRow(names),
      ["You entered", did],
      ["Why not", because],
      ["It is", stageName(stage)],
      ["With", owner === null ? "nobody yet" : nameOf(names, owner)],
    ],
    next: [
      `Nothing was changed by it. Look at where the ${noun(names)} stands before you act again.`,
    ],
    link: leadLink(names),
  };
}

import { breach, contested, escalation, stalled } from "./manager.ts";
import { crmPaused, fallbackQueue, nurtureReview, renurtureReview } from "./operations.ts";
import { resolutionWaits, reviewOpened, reviewWaits, signatureAsked } from "./signing.ts";
import { reminders, taskWaits } from "./tasks.ts";
import {
  actionRefused,
  contestDecided,
  merged,
  offer,
  reassignedAway,
  warning,
  withdrawn,
} from "./rep.ts";
import type { Draft, MailKind, MailMessage, MailNames, Of } from "./message.ts";
import { render, type Rendered } from "./mail/render.ts";
import { nameOf } from "./words.ts";

type Template<Kind extends MailKind> = (message: Of<Kind>, names: MailNames) => Draft;

const templates: { readonly [Kind in MailKind]: Template<Kind> } = {
  offer: offer,
  warning: warning,
  breach: breach,
  escalation: escalation,
  "reassigned-away": reassignedAway,
  withdrawn: withdrawn,
  merged: merged,
  contested: contested,
  "contest-decided": contestDecided,
  "fallback-queue": fallbackQueue,
  "nurture-review": nurtureReview,
  stalled: stalled,
  "task-waits": taskWaits,
  reminders: reminders,
  "action-refused": actionRefused,
  "renurture-review": renurtureReview,
  "review-opened": reviewOpened,
  "review-waits": reviewWaits,
  "resolution-waits": resolutionWaits,
  "signature-asked": signatureAsked,
  "crm-paused": crmPaused,
};

/**
 * The mail of a message for one reader: subject, plain text and HTML. What it claims comes from the
 * message, whom it names from `names`; every time is told in the reader's zone.
 */
export function compose(
  message: MailMessage,
  names: MailNames,
  also: readonly MailMessage[] = [],
): Rendered {
  // Said to the reader by name once.
  const unnamed = { ...names, reader: { ...names.reader, name: null } };
  const draft = inOne(
    draftOf(message, names),
    also.filter((one) => !isSaid(message, one)).map((one) => draftOf(one, unnamed)),
  );
  const { meantFor } = names.reader;
  const rows: Draft["rows"] =
    meantFor === null ? draft.rows : [...draft.rows, ["Meant for", nameOf(names, meantFor)]];
  return render({ ...draft, rows, version: names.version ?? null });
}

function draftOf(message: MailMessage, names: MailNames): Draft {
  const template = templates[message.what] as Template<MailKind>;
  return template(message, names);
}

/** A rung of the ladder that shows a deadline adds nothing to the breach of the same one. */
function isSaid(by: MailMessage, other: MailMessage): boolean {
  const isRung = other.what === "escalation" && !other.waits;
  return isRung && by.what === "breach" && by.clock === other.clock && by.dueAt === other.dueAt;
}

/** One mail that says what several would: what is the same in them is said once. */
function inOne(first: Draft, others: readonly Draft[]): Draft {
  if (others.length === 0) return first;
  const all = [first, ...others];
  const rows = new Map(all.flatMap((draft) => draft.rows).map((row) => [row.join("\n"), row]));
  return {
    subject: subjectOf(all),
    opening: all.map(({ opening }) => opening).join(" "),
    rows: [...rows.values()],
    next: [...new Set(all.flatMap(({ next }) => next))],
    link: first.link,
  };
}

/** "Handed to you, needs you: Ada Lovelace": what it is about each time, and the first one's rest. */
function subjectOf(all: readonly Draft[]): string {
  const parts = all.map(({ subject }) => /^([^:]+): (.*)$/s.exec(subject) ?? ["", subject, ""]);
  const abouts = [...new Set(parts.map(([, about = ""]) => about))];
  const [, , rest = ""] = parts[0] ?? [];
  const [first = "", ...others] = abouts;
  const named = others.map((about) => `${about.slice(0, 1).toLowerCase()}${about.slice(1)}`);
  return `${[first, ...named].join(", ")}: ${rest}`;
}

import type { Draft, MailNames, Of } from "./message.ts";
import { at, capital, nameOf, toReader } from "./words.ts";

/** To the readers of both parties: a review is open. */
export function reviewOpened(
  { kind, period, reviewId }: Of<"review-opened">,
  names: MailNames,
): Draft {
  const title = `${kind} review ${period}`;
  return {
    subject: `The ${title} is open`,
    opening: toReader(names, `the ${title} is open.`),
    rows: [["Review", title]],
    next: ["Read it, write down what is resolved, and sign."],
    link: { words: "To see it", to: reviewAddress(reviewId), isPage: false },
  };
}

/** To whoever has to sign a review, or is above: it waits. */
export function reviewWaits(message: Of<"review-waits">, names: MailNames): Draft {
  const { kind, period, parties, undecided, dueAt, tell, reviewId } = message;
  const title = `${kind} review ${period}`;
  const missing = parties.join(" and ");
  return {
    subject: `${tell === "above" ? "Not signed" : "Waiting for your signature"}: ${title}`,
    opening: toReader(
      names,
      `the ${title} is not signed by ${missing}; it is due ${at(names, dueAt)}.`,
    ),
    rows: [
      ["Review", title],
      ["Missing", missing],
      ["Sign by", at(names, dueAt)],
      ...(undecided === 0
        ? []
        : [["Re-nurture pool", `${undecided} leads wait for a decision`] as const]),
    ],
    next: [signingDeed(message)],
    link: { words: "To see it", to: reviewAddress(reviewId), isPage: false },
  };
}

/** To whoever signs for a party: a version of the agreement waits, and this is what it changes. */
export function signatureAsked(
  { versionId, number, needed, changes, more }: Of<"signature-asked">,
  names: MailNames,
): Draft {
  return {
    subject: `Waiting for your signature: version ${number} of the agreement`,
    opening: toReader(
      names,
      `version ${number} of the agreement is proposed. ` +
        (needed === 1
          ? "One signature makes it valid."
          : "It becomes valid when both parties have signed it, two people."),
    ),
    rows: [
      ...changes.map(({ about, change }) => [capital(about), change] as const),
      ...(changes.length === 0 ? [["Changes", "no rule changes"] as const] : []),
      ...(more === 0 ? [] : [["Besides", `${more} more changes`] as const]),
    ],
    next: [`Read its plan and sign: npx baton agreement sign ${versionId} with your token.`],
    link: {
      words: "To see it",
      to: `npx baton agreement plan ${versionId}, or GET /agreement/versions/${versionId}/plan`,
      isPage: false,
    },
  };
}

/** To whoever owns a resolution, or is above: its day is over. */
export function resolutionWaits(message: Of<"resolution-waits">, names: MailNames): Draft {
  const { kind, period, owner, dueOn, tell, resolutionId } = message;
  const text = names.resolutions?.[resolutionId] ?? resolutionId;
  const holder = nameOf(names, owner);
  return {
    subject: `${tell === "above" ? "Still open" : "Waiting for you"}: ${text}`,
    opening: toReader(
      names,
      `the ${kind} review ${period} resolved: ${text}. It was due on ${dueOn}.`,
    ),
    rows: [
      ["Owner", holder],
      ["Due on", dueOn],
    ],
    next: [resolutionDeed(message)],
    link: null,
  };
}

/** The same as a line among others. */
export function signingRow(
  message: Of<"review-waits">,
  names: MailNames,
): readonly [string, string] {
  const { kind, period, parties, dueAt } = message;
  const waits = `not signed by ${parties.join(" and ")}; due ${at(names, dueAt)}`;
  return [`${kind} review ${period}`, `${waits}. ${signingDeed(message)}`];
}

/** The same as a line among others. */
export function resolutionRow(
  message: Of<"resolution-waits">,
  names: MailNames,
): readonly [string, string] {
  const { kind, period, owner, dueOn, tell, resolutionId } = message;
  const held = tell === "above" ? `, with ${nameOf(names, owner)}` : "";
  return [
    names.resolutions?.[resolutionId] ?? resolutionId,
    `resolved in the ${kind} review ${period}${held}; due on ${dueOn}. ${resolutionDeed(message)}`,
  ];
}

function signingDeed({ tell, reviewId }: Of<"review-waits">): string {
  return tell === "above"
    ? "Ask who leads there; Baton goes on asking, less and less often."
    : `Read it and sign: npx baton review sign ${reviewId} with your token.`;
}

function resolutionDeed({ tell, owner, resolutionId }: Of<"resolution-waits">): string {
  return tell === "above"
    ? `Ask ${owner}, or see to it.`
    : `Do it, then: npx baton review close ${resolutionId} with your token.`;
}

function reviewAddress(reviewId: string): string {
  return `GET /reviews/${reviewId}.html with your token, or npx baton review show ${reviewId}`;
}

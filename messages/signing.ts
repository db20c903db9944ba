import type { Draft, MailNames, MailRow, Of } from "./message.ts";
import { consoleLink, consolePage, consolePages } from "./console-link.ts";
import { at, capital, nameOf, spoken, toReader } from "./words.ts";

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
    link: reviewLink(names, { kind, period, reviewId }, "Open the review"),
  };
}

/** To whoever has to sign a review, or is above: it waits. */
export function reviewWaits(message: Of<"review-waits">, names: MailNames): Draft {
  const { kind, period, parties, undecided, dueAt, tell } = message;
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
    link: reviewLink(
      names,
      message,
      tell === "above" ? "Open the review" : "Open the review, and sign there",
    ),
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
    next: ["Read what it changes and its plan, and sign. Whoever signs signs for their party."],
    link: consoleLink(names, "Open the version, and sign there", consolePages.version(versionId), {
      menu: `Agreement, version ${number}`,
      command: `npx baton agreement plan ${versionId}, then npx baton agreement sign ${versionId}`,
    }),
  };
}

/** To whoever owns a resolution, or is above: its day is over. */
export function resolutionWaits(message: Of<"resolution-waits">, names: MailNames): Draft {
  const { kind, period, owner, dueOn, tell, resolutionId } = message;
  const text = names.resolutions?.[resolutionId]?.text ?? resolutionId;
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
    next: [resolutionDeed(message, names)],
    link: names.reader.isRep
      ? null
      : consoleLink(names, "Open the review, and end it there", resolutionPage(message, names), {
          menu: `Reviews, the ${kind} review ${period}`,
          command: `npx baton review close ${resolutionId}`,
        }),
  };
}

/** The same as a line among others. */
export function signingRow(message: Of<"review-waits">, names: MailNames): MailRow {
  const { kind, period, parties, dueAt, reviewId } = message;
  const waits = `not signed by ${parties.join(" and ")}; due ${at(names, dueAt)}`;
  return [
    `${kind} review ${period}`,
    `${waits}. ${signingDeed(message)}`,
    consolePage(names, consolePages.review(reviewId)),
  ];
}

/** The same as a line among others. */
export function resolutionRow(message: Of<"resolution-waits">, names: MailNames): MailRow {
  const { kind, period, owner, dueOn, tell, resolutionId } = message;
  const held = tell === "above" ? `, with ${nameOf(names, owner)}` : "";
  return [
    names.resolutions?.[resolutionId]?.text ?? resolutionId,
    `resolved in the ${kind} review ${period}${held}; due on ${dueOn}. ${resolutionDeed(message, names)}`,
    names.reader.isRep ? null : consolePage(names, resolutionPage(message, names)),
  ];
}

function signingDeed({ tell }: Of<"review-waits">): string {
  return tell === "above"
    ? "Ask who leads there; Baton goes on asking, less and less often."
    : "Read it and sign.";
}

function resolutionDeed(
  { tell, owner }: Of<"resolution-waits">,
  names: Pick<MailNames, "reader" | "people">,
): string {
  if (tell === "above") return `Ask ${names.people[owner] ?? spoken(owner)}, or see to it.`;
  return names.reader.isRep
    ? "Do it, and tell your manager, who ends it in the review."
    : "Do it, then end it in the review; or carry it on to a later day there.";
}

/** Where a resolution stands on the page of its review. */
function resolutionPage(
  { resolutionId }: Of<"resolution-waits">,
  { resolutions }: Pick<MailNames, "resolutions">,
): string {
  const found = resolutions?.[resolutionId];
  return found ? `${consolePages.review(found.reviewId)}#${resolutionId}` : consolePages.reviews;
}

function reviewLink(
  names: MailNames,
  { kind, period, reviewId }: Pick<Of<"review-waits">, "kind" | "period" | "reviewId">,
  words: string,
): Draft["link"] {
  return consoleLink(names, words, consolePages.review(reviewId), {
    menu: `Reviews, the ${kind} review ${period}`,
    command: `npx baton review show ${reviewId}`,
  });
}

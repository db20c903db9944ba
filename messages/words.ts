import type { Instant } from "../handoff/time/calendar.ts";
import type { ClockKind, NextRung } from "../handoff/process/message.ts";
import type { Stage } from "../handoff/stage.ts";
import type { Draft, MailNames } from "./message.ts";
import { stageWords } from "../words/actions.ts";
import { called } from "../words/called.ts";
import { consoleLink, subjectPage } from "./console-link.ts";
import { when } from "./when.ts";

/** "Ada Lovelace (Analytical Engines)", or the id where nothing is known, as after an erasure. */
export function whom({ lead }: MailNames): string {
  if (!lead) return "a lead";
  const { id, name, email, company, isAccount } = lead;
  const words = called({ id: `${isAccount ? "account" : "lead"} ${id}`, name, email, company });
  return company && company !== words ? `${words} (${company})` : words;
}

/** What it is about: a lead, or an account. */
export function noun({ lead }: MailNames): "lead" | "account" {
  return lead?.isAccount ? "account" : "lead";
}

/** A sentence said to a person by name; a role is not spoken to. */
export function toReader({ reader }: MailNames, sentence: string): string {
  return reader.name === null ? capital(sentence) : `${reader.name}, ${sentence}`;
}

export function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

/** The name of a person; the id where the person is not on the roster. */
export function nameOf({ people }: MailNames, id: string): string {
  return people[id] ?? id;
}

/** The same where there may be no person. */
export function nameOrNobody(names: MailNames, id: string | null): string {
  return id === null ? "nobody" : nameOf(names, id);
}

/** An instant in the reader's zone. */
export function at(names: MailNames, instant: Instant): string {
  return when(instant, names.reader.zone);
}

/** A row with an instant; no row where there is none. */
export function timeRow(
  label: string,
  names: MailNames,
  instant: Instant | null,
): readonly [string, string | null] {
  return [label, instant === null ? null : at(names, instant)];
}

/** What the reader must know before picking up the telephone; what is unknown is left out. */
export function leadRows(names: MailNames): Draft["rows"] {
  const { lead, terms } = names;
  return known([
    [capital(noun(names)), lead && whom(names)],
    ["Title", lead?.title],
    ["Telephone", lead?.phone],
    ["E-mail", lead?.email],
    ["Source", lead?.source],
    ["Lead type", terms && spoken(terms.leadType)],
    ["Band", terms?.band],
    [`Why this ${noun(names)}`, terms?.because],
  ]);
}

/** Who it is about, for those who have nothing more to do with it. */
export function leadRow(names: MailNames): Draft["rows"] {
  return known([[capital(noun(names)), names.lead && whom(names)]]);
}

/** The rows whose value is known. */
export function known(
  rows: readonly (readonly [string, string | null | undefined])[],
): Draft["rows"] {
  return rows.flatMap(([label, value]) =>
    value === null || value === undefined || value === "" ? [] : [[label, value] as const],
  );
}

/** Where the reader goes on, or how to get there; an address that shows an error is none. */
export function leadLink(names: MailNames): Draft["link"] {
  const { page } = names;
  if (page === null) return null;
  if ("opens" in page) return { words: "Open the lead, and answer there", to: page.opens };
  const { kind, id } = page.of;
  return consoleLink(names, `Open the ${kind} in the console`, subjectPage(page.of), {
    menu: `the ${kind} ${id}`,
    command: kind === "lead" ? `npx baton explain ${id}` : null,
  });
}

/** "no-intent-signals" as a person says it. */
export function spoken(name: string): string {
  return name.replaceAll("-", " ");
}

/** "logOutreach" as a person says it. */
export function spokenAction(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** What sales did with it, where the letters alone may say nothing to whoever reads the mail. */
const stageGlosses: Readonly<Partial<Record<Stage, string>>> = {
  sal: " (accepted by sales)",
  sql: " (confirmed by sales)",
};

export function stageName(stage: Stage): string {
  return `${stageWords[stage]}${stageGlosses[stage] ?? ""}`;
}

/** What a clock gives time for. */
export function asked(clock: ClockKind, names: MailNames): string {
  return clock === "outreach"
    ? `outreach to ${whom(names)}`
    : `accepting or rejecting ${whom(names)}`;
}

/** What the escalation ladder does when nothing happens, or has done with this decision. */
export function ladder(names: MailNames, next: NextRung | null, repId: string | null): string {
  const from = repId === null ? "" : ` from ${nameOf(names, repId)}`;
  if (next === null) return "Baton does nothing more about it by itself.";
  if (next.at === null) return doneSentences[next.do](from);
  return `If nothing happens by ${at(names, next.at)}, ${comingSentences[next.do](from)}`;
}

type Said = Readonly<Record<NextRung["do"], (from: string) => string>>;

const doneSentences: Said = {
  "notify-manager": () => "The manager is shown it.",
  reassign: (from) => `Baton has taken it back${from} and routes it to somebody else.`,
  "manager-queue": (from) => `Baton has taken it back${from}; it waits for a manager to assign it.`,
  "manager-task": () => "It stays where it is; a task for the manager is open.",
};

const comingSentences: Said = {
  "notify-manager": () => "the manager is shown it again.",
  reassign: (from) => `Baton takes it back${from} and routes it to somebody else.`,
  "manager-queue": (from) => `Baton takes it back${from} and it waits for a manager to assign it.`,
  "manager-task": () => "the manager gets a task; it stays where it is.",
};

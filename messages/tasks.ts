import type { TaskKind } from "../handoff/process/situation.ts";
import type { Draft, MailNames, MailRow, Of, ReminderItem } from "./message.ts";
import { called } from "../words/called.ts";
import { consoleLink, consolePage, consolePages } from "./console-link.ts";
import { resolutionRow, signingRow } from "./signing.ts";
import { at, leadRows, nameOf, toReader, whom } from "./words.ts";

/** What each task asks of a person. */
export const taskAsks: Readonly<
  Record<TaskKind, { readonly title: string; readonly deed: string }>
> = {
  "fix-data": {
    title: "facts to be corrected",
    deed: "Correct or supply what the task names, on the lead's page.",
  },
  contested: {
    title: "a contested rejection",
    deed: "Uphold the rejection, or overturn it.",
  },
  fallback: { title: "nobody to take it", deed: "Assign it to a rep." },
  escalated: { title: "a missed deadline", deed: "Ask the rep, or reassign the lead." },
  "nurture-review": { title: "a review in nurture", deed: "Keep it in nurture, or retire it." },
  "renurture-review": {
    title: "a review of the re-nurture pool",
    deed: "Keep it, return it to sales, or retire it.",
  },
  stalled: {
    title: "stalled work",
    deed: "Ask where it stands; then reassign it, or let it go on.",
  },
  "hand-raise": {
    title: "a raised hand",
    deed: "Get in touch, or have the lead reopened; then end the task.",
  },
  conflict: {
    title: "two leads that may be one person",
    deed: "Say whether they are one person or two.",
  },
  "account-engaged": {
    title: "an engaged account",
    deed: "Look at who has engaged there, get in touch, and end the task with what came of it.",
  },
  "crm-drift": { title: "a difference in the CRM", deed: "Look at it, and end the task." },
  "dead-letter": { title: "something that cannot be done", deed: "Look at it, and end the task." },
};

/** To whoever has a task, or to the manager above: nobody has acted. */
export function taskWaits(message: Of<"task-waits">, names: MailNames): Draft {
  const { task, tell, since, dueAt } = message;
  const { title, deed } = taskAsks[task];
  const holder = holderOf(message, names);
  const waits = `${title}, about ${whom(names)}, waits since ${at(names, since)}`;
  return {
    subject: `${tell === "above" ? "Still waiting" : "Waiting for you"}: ${title}, ${whom(names)}`,
    opening: toReader(names, `${waits}${tell === "above" ? `; ${holder} has it` : ""}.`),
    rows: [...leadRows(names), ["With", holder], ["Answer by", at(names, dueAt)]],
    next: [tell === "above" ? `Ask ${holder}, or do it: ${deed}` : deed],
    link: taskLink(names),
  };
}

/** The list of tasks about the lead, where the form is that ends this one. */
function taskLink(names: MailNames): Draft["link"] {
  const { lead, page } = names;
  if (lead === null || page === null) return null;
  return consoleLink(names, "Open the task, and end it there", consolePages.tasksOf(lead.id), {
    menu: "Tasks",
    command: "npx baton queue",
  });
}

function holderOf(
  { assigneeId, role }: { readonly assigneeId: string | null; readonly role: string },
  names: MailNames,
): string {
  return assigneeId === null ? `the queue ${role}` : nameOf(names, assigneeId);
}

/** To whom several things wait for, or who is above: all of them, with their time, in one mail. */
export function reminders({ items, more }: Of<"reminders">, names: MailNames): Draft {
  const count = items.length + more;
  const what = items.every((item) => item.what === "task-waits") ? "tasks" : "things";
  return {
    subject: `${count} ${what} wait for you`,
    opening: toReader(names, `${count} ${what} wait for an answer; the longest due come first.`),
    rows: [
      ...items.map((item) => reminderRow(item, names)),
      ...(more === 0 ? [] : [["And", `${more} more`] as const]),
    ],
    next: ["Do each, or pass it on. Nobody is reminded of what is done."],
    link: items.some((item) => item.what === "task-waits")
      ? consoleLink(names, "All tasks that wait for you", consolePages.tasks, {
          menu: "Tasks",
          command: "npx baton queue",
        })
      : names.reader.isRep
        ? null
        : consoleLink(names, "All reviews", consolePages.reviews, {
            menu: "Reviews",
            command: "npx baton review list",
          }),
  };
}

function reminderRow(item: ReminderItem, names: MailNames): MailRow {
  if (item.what === "review-waits") return signingRow(item, names);
  if (item.what === "resolution-waits") return resolutionRow(item, names);
  const { leadId, task, tell, dueAt } = item;
  const known = names.leads?.[leadId];
  const name = called({ ...known, id: leadId });
  const about = [...new Set([name, known?.company ?? name])].join(", ");
  const holder = holderOf(item, names);
  const { title, deed } = taskAsks[task];
  const held = tell === "above" ? `, with ${holder}` : "";
  return [
    about,
    `${title}${held}; answer by ${at(names, dueAt)}. ${deed} (${leadId})`,
    consolePage(names, consolePages.tasksOf(leadId)),
  ];
}

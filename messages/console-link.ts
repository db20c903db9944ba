import type { Draft, MailNames } from "./message.ts";

/** Pages of the console that mails lead to, as their addresses end. */
export const consolePages = {
  lead: (id: string) => `/console/leads/${encodeURIComponent(id)}`,
  account: (id: string) => `/console/accounts/${encodeURIComponent(id)}`,
  tasks: "/console/tasks",
  /** Those about a lead; those about an account stand in the list of all. */
  tasksOf: (id: string) =>
    id.startsWith("ac_") ? "/console/tasks" : `/console/tasks?lead=${encodeURIComponent(id)}`,
  reviews: "/console/reviews",
  review: (id: string) => `/console/reviews/${encodeURIComponent(id)}`,
  version: (id: string) => `/console/agreement/versions/${encodeURIComponent(id)}`,
  system: "/console/system",
} as const;

/** The page of a lead, or of an account. */
export function subjectPage({ kind, id }: { readonly kind: string; readonly id: string }): string {
  return kind === "account" ? consolePages.account(id) : consolePages.lead(id);
}

const here = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * The address at which the reader of a mail finds the console, without a slash at the end; null
 * where mails leave the house and nobody has said at which address it is reached: the address of
 * Baton's own machine opens nothing, or something else, on the reader's.
 */
export function consoleAddress(publicUrl: string, isKept: boolean): string | null {
  return isKept || !here.test(new URL(publicUrl).hostname) ? publicUrl : null;
}

/** The whole address of a page; null where the console's is not known. */
export function consolePage({ console: at }: Pick<MailNames, "console">, page: string) {
  return at === null ? null : `${at}${page}`;
}

/**
 * A link to a page of the console; where its address is not known, how to get there: by the page's
 * name, and by a command.
 */
export function consoleLink(
  names: Pick<MailNames, "console">,
  words: string,
  page: string,
  by: { readonly menu: string; readonly command: string | null },
): NonNullable<Draft["link"]> {
  const to = consolePage(names, page);
  if (to !== null) return { words, to };
  return { says: `${words}: ${unaddressed(by)}` };
}

function unaddressed({
  menu,
  command,
}: {
  readonly menu: string;
  readonly command: string | null;
}): string {
  const or = command === null ? "" : `, or by the command line: ${command}`;
  return (
    `sign in to Baton's console and open ${menu}${or}. ` +
    "Whoever runs Baton knows the console's address; PUBLIC_URL, which links in mails begin with, " +
    "names none that opens elsewhere."
  );
}

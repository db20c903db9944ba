/** Every address of the console. No page writes one itself. */
export const paths = {
  home: "/console",
  in: "/console/in",
  inBy: (secret: string) => `/console/in/${encodeURIComponent(secret)}`,
  oidc: "/console/oidc",
  out: "/console/out",
  me: "/console/me",
  endSession: (id: string) => `/console/me/sessions/${encodeURIComponent(id)}/end`,
  keys: "/console/me/keys",
  queue: "/console/queue",
  lead: (id: string) => `/console/leads/${encodeURIComponent(id)}`,
  /** An action on a lead, by its place in the API's address: "accept", "hand-back". */
  act: (id: string, place: string) => `/console/leads/${encodeURIComponent(id)}/${place}`,
  facts: (id: string) => `/console/leads/${encodeURIComponent(id)}/facts`,
  reopen: (id: string) => `/console/leads/${encodeURIComponent(id)}/reopen`,
  leads: "/console/leads",
  board: "/console/board",
  boardList: (list: string) => `/console/board/${list}`,
  tasks: "/console/tasks",
  system: "/console/system",
  simulate: "/console/simulate",
  imports: "/console/imports",
  import: (id: string) => `/console/imports/${encodeURIComponent(id)}`,
  importErrors: (id: string) => `/console/imports/${encodeURIComponent(id)}/errors.csv`,
  roster: "/console/roster",
  absences: "/console/roster/absences",
  withdrawAbsence: "/console/roster/absences/withdraw",
  rosterPool: (id: string) => `/console/roster/pools/${encodeURIComponent(id)}`,
  rosterRep: (id: string) => `/console/roster/reps/${encodeURIComponent(id)}`,
  accounts: "/console/accounts",
  account: (id: string) => `/console/accounts/${encodeURIComponent(id)}`,
  actOnAccount: (id: string, place: string) =>
    `/console/accounts/${encodeURIComponent(id)}/${place}`,
  aliases: (id: string) => `/console/accounts/${encodeURIComponent(id)}/aliases`,
  mergeAccounts: (id: string) => `/console/accounts/${encodeURIComponent(id)}/merge`,
  moveAccount: (lead: string) => `/console/leads/${encodeURIComponent(lead)}/move-account`,
  taskDone: (id: string) => `/console/tasks/${encodeURIComponent(id)}/done`,
  taskFacts: (id: string) => `/console/tasks/${encodeURIComponent(id)}/facts`,
  settle: (id: string) => `/console/tasks/${encodeURIComponent(id)}/conflict-decision`,
  live: "/console/live",
  figures: "/console/figures",
  report: (name: string) => `/console/reports/${encodeURIComponent(name)}`,
  reportPicture: (name: string) => `/console/reports/${encodeURIComponent(name)}/picture`,
  reportTable: (name: string) => `/console/reports/${encodeURIComponent(name)}/table`,
  reviews: "/console/reviews",
  review: (id: string) => `/console/reviews/${encodeURIComponent(id)}`,
  /** A form of a review: "sign", "resolutions", "decisions". */
  ofReview: (id: string, place: string) => `/console/reviews/${encodeURIComponent(id)}/${place}`,
  reviewPicture: (id: string, section: number) =>
    `/console/reviews/${encodeURIComponent(id)}/pictures/${section}`,
  closeResolution: (id: string) => `/console/resolutions/${encodeURIComponent(id)}/close`,
  carryOn: (id: string) => `/console/resolutions/${encodeURIComponent(id)}/carry-on`,
  agreement: "/console/agreement",
  draft: "/console/agreement/draft",
  version: (id: string) => `/console/agreement/versions/${encodeURIComponent(id)}`,
  /** A form of a version: "plan", "plan/cancel", "sign", "activate", "rollback". */
  ofVersion: (id: string, place: string) =>
    `/console/agreement/versions/${encodeURIComponent(id)}/${place}`,
  asset: (file: string) => `/console/assets/${file}`,
} as const;

/** Where the OpenID provider leads people back to; it must be told of this address. */
export function oidcRedirect(publicUrl: string): string {
  return `${new URL(publicUrl).origin}${paths.oidc}/back`;
}

/** Whether a request is the console's, which knows the cookie alone. */
export function isConsole(path: string): boolean {
  return path === paths.home || path.startsWith(`${paths.home}/`);
}

/** Whether it is the page of a mail's link, which runs no script. */
export function isOfMail(path: string): boolean {
  return path.startsWith("/console/offer/");
}

/** Back to the page of a mail's link; what has not the form of one is repeated nowhere. */
export function pageOfLink(path: string): string {
  return /^\/console\/offer\/[\w-]+\.[\w-]{43}$/.test(path) ? path : paths.home;
}

/** An address with parameters; those that are absent or empty are left out. */
export function withQuery(
  path: string,
  given: Readonly<Record<string, string | number | null | undefined>>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

/** Where to go back to after a form: a page of the console, or the given one. */
export function backTo(given: string | undefined, otherwise: string): string {
  if (given === undefined || given.length > 2_000 || !/^\/console(?:[/?]|$)/.test(given))
    return otherwise;
  // A browser takes a backslash for a slash, and drops tabs and line ends.
  return /[\\\s\x00-\x1f]/.test(given) ? otherwise : given;
}

/** A link to write to somebody. */
export function mailto(address: string): string {
  return `mailto:${encodeURIComponent(address).replaceAll("%40", "@")}`;
}

/** A link to call somebody. */
export function tel(phone: string): string {
  return `tel:${phone.replace(/[^\d+]/g, "")}`;
}

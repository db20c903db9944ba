import type { Draft } from "./message.ts";

/** The page on which a link signs its holder in; `leadsTo` is the page after it. */
export function signInPage(publicUrl: string, secret: string, leadsTo: string): string {
  const to = leadsTo === "" ? "" : `?${new URLSearchParams({ to: leadsTo }).toString()}`;
  return `${publicUrl}/console/in/${secret}${to}`;
}

/** To a rep or manager who asked to sign in. Without a page: where mail is kept, others read it. */
export function signInMail(
  repId: string,
  page: { readonly address: string; readonly minutes: number } | null,
): Draft {
  return {
    subject: "Sign in to Baton",
    opening:
      page === null
        ? "Somebody asked to sign in to Baton with your address. This installation keeps its " +
          "mail where others read it, so the link is not in here."
        : "Somebody asked to sign in to Baton with your address. If it was not you, do nothing.",
    rows: [],
    next:
      page === null
        ? [`Ask whoever runs Baton for a link: npx baton sign-in ${repId} prints one.`]
        : [`Open the link within ${page.minutes} minutes. It is good once.`],
    link: page && { words: "Sign in", to: page.address },
  };
}

/**
 * The address at which people reach Baton, as links begin: without a slash at the end. Null when
 * the text is not the address of a web server.
 */
export function publicAddress(text: string): string | null {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return null;
  const { search, hash } = new URL(text);
  return search === "" && hash === "" ? text.replace(/\/+$/, "") : null;
}

/** What links in mails may do: act for their reader, only show, or there are none. */
export const mailLinks = ["act", "view", "off"] as const;
export type MailLinks = (typeof mailLinks)[number];

/** The page of an offer, by its signed word. */
export function offerPage(publicUrl: string, token: string): string {
  return `${publicUrl}/console/offer/${token}`;
}

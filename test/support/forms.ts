/** A form of a page, as a browser would send it without pressing a named button. */
export interface SentForm {
  readonly action: string;
  readonly method: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The forms of a page with their hidden and filled fields, in order. */
export function formsIn(html: string): SentForm[] {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(
    ([, head = "", body = ""]) => ({
      action: attribute(head, "action") ?? "",
      method: attribute(head, "method") ?? "get",
      fields: Object.fromEntries(
        [...body.matchAll(/<input\b([^>]*)>/g)].flatMap(([, input = ""]) => {
          const name = attribute(input, "name");
          return name === undefined ? [] : [[name, attribute(input, "value") ?? ""]];
        }),
      ),
    }),
  );
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(tag)?.[1];
  return value
    ?.replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

import { createHash } from "node:crypto";
import type { Context } from "hono";
import { html, raw } from "hono/html";
import type { AppEnv } from "../deps.ts";

/** PagePart of a page: escaped where it was made. */
export type PagePart = ReturnType<typeof html>;

const css = `
:root { color-scheme: light dark; --text: light-dark(#1c1c1f, #ececf0); --dim: light-dark(#5a5a63, #a9a9b5);
  --paper: light-dark(#ffffff, #17171b); --line: light-dark(#c9c9d1, #44444f);
  --act: light-dark(#0b57a4, #8ab8f0); --on-act: light-dark(#ffffff, #10131a);
  --late: light-dark(#a4262c, #ff9d94); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main, header { max-width: 40rem; margin: 0 auto; padding: 1rem; }
header { color: var(--dim); padding-bottom: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
a { color: var(--act); }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .25rem 1rem; margin: 0; }
dt { color: var(--dim); } dd { margin: 0; }
form, fieldset { margin: 0 0 .75rem; padding: 0; border: 0; }
label { display: block; margin: .5rem 0 .25rem; } legend { padding: .5rem 0 .25rem; }
input, select, textarea, button { font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--line); border-radius: .375rem; padding: .5rem .75rem; max-width: 100%; }
textarea, input[type=text] { width: 100%; }
button { min-height: 2.75rem; cursor: pointer; margin: 0 .25rem .5rem 0; text-align: left; }
button.main { background: var(--act); border-color: var(--act); color: var(--on-act); font-weight: 600; }
summary { min-height: 2.75rem; padding: .5rem 0; cursor: pointer; }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
.note { border-left: .25rem solid var(--late); padding: .25rem .75rem; margin: 0 0 1rem; }
.late { color: var(--late); font-weight: 600; } .dim { color: var(--dim); }
@media (max-width: 26rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } button { width: 100%; } }
`;
const style = raw(`<style>${css}</style>`);
const styleHash = createHash("sha256").update(css).digest("base64");

/** Nothing is loaded, nothing runs, and forms go nowhere but back to where the page came from. */
const policy = [
  "default-src 'none'",
  "script-src 'none'",
  `style-src 'sha256-${styleHash}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A page of its own, for people who came by a link and are not signed in. */
export async function pageAlone(
  c: Context<AppEnv>,
  status: 200 | 403 | 404 | 409 | 422 | 503,
  { title, body }: { readonly title: string; readonly body: PagePart },
): Promise<Response> {
  c.header("content-security-policy", policy);
  // The address is the key: it goes to nobody whom the page links to, and into no index.
  c.header("referrer-policy", "no-referrer");
  c.header("x-robots-tag", "noindex, nofollow");
  c.header("cross-origin-opener-policy", "same-origin");
  c.header("cache-control", "no-store");
  return c.html(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>${title}</title>
          ${style}
        </head>
        <body>
          <header>Baton</header>
          <main>${body}</main>
        </body>
      </html>`,
    status,
  );
}

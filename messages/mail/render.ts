import type { Draft } from "../message.ts";

/** A message as it goes out. */
export interface Rendered {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/**
 * Lays a mail out as plain text and as HTML with the same content. Everything in it is escaped:
 * names come from strangers.
 */
export function render(draft: Draft): Rendered {
  return { subject: cut(line(draft.subject), 200), text: plain(draft), html: html(draft) };
}

function plain({ opening, rows, next, link }: Draft): string {
  const width = Math.max(0, ...rows.map(([label]) => label.length)) + 2;
  return [
    line(opening),
    rows.map(([label, value]) => `${`${label}:`.padEnd(width)}${line(value)}`).join("\n"),
    next.length === 0
      ? ""
      : ["What to do now:", ...next.map((step) => `- ${line(step)}`)].join("\n"),
    link ? `${link.words}: ${link.to}` : "",
    "Baton, handing leads from marketing to sales",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function html({ subject, opening, rows, next, link }: Draft): string {
  const cells = rows
    .map(
      ([label, value]) =>
        `<tr><th align="left" style="padding:2px 16px 2px ` +
        `0;font-weight:normal;color:#555">${escape(label)}</th><td>${escape(line(value))}</td></tr>`,
    )
    .join("");
  return [
    `<!doctype html><html lang="en"><head><meta ` +
      `charset="utf-8"><title>${escape(line(subject))}</title></head>`,
    `<body style="font-family:sans-serif;font-size:15px;line-height:1.5;max-width:40em">`,
    `<p>${escape(line(opening))}</p>`,
    cells === "" ? "" : `<table cellspacing="0">${cells}</table>`,
    next.length === 0
      ? ""
      : "<p>What to do " +
        `now:</p><ul>${next.map((step) => `<li>${escape(line(step))}</li>`).join("")}</ul>`,
    link ? `<p>${followed(link)}</p>` : "",
    `<p style="color:#777">Baton, handing leads from marketing to sales</p></body></html>`,
  ].join("\n");
}

function followed({ words, to, isPage }: NonNullable<Draft["link"]>): string {
  return isPage
    ? `<a href="${escape(to)}">${escape(words)}</a>`
    : `${escape(words)}: <code>${escape(to)}</code>`;
}

/**
 * At most so many characters, and no half of one: what is cut within a pair is no text that a
 * database or a mail server takes.
 */
function cut(text: string, most: number): string {
  return text.slice(0, most).replace(/[\uD800-\uDBFF]$/, "");
}

/** One line: a name with a line break in it must not start a line of its own. */
function line(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, " ").trim();
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

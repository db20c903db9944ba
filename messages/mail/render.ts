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

function plain({ opening, rows, next, link, version }: Draft): string {
  return [
    line(opening),
    table(rows),
    next.length === 0
      ? ""
      : ["What to do now:", ...next.map((step) => `- ${line(step)}`)].join("\n"),
    link === null ? "" : "says" in link ? line(link.says) : `${link.words}: ${link.to}`,
    foot(version),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** Whoever asks why may name the version that was right then. */
function foot(version: Draft["version"]): string {
  const by = version == null ? "" : `. By version ${version} of the agreement`;
  return line(`Baton, handing leads from marketing to sales${by}`);
}

/** So wide may the first column be; beyond it a value stands under its label. */
const widest = 24;

function table(rows: Draft["rows"]): string {
  const width = Math.max(0, ...rows.map(([label]) => label.length)) + 2;
  const isList = width > widest;
  const indent = " ".repeat(isList ? 2 : width);
  return rows
    .map(([label, value, to]) => {
      const head = isList ? `${line(label)}:\n${indent}` : `${line(label)}:`.padEnd(width);
      return `${head}${line(value)}${to ? `\n${indent}${to}` : ""}`;
    })
    .join("\n");
}

function html({ subject, opening, rows, next, link, version }: Draft): string {
  const cells = rows
    .map(
      ([label, value, to]) =>
        `<tr><th align="left" valign="top" style="padding:2px 16px 2px ` +
        `0;font-weight:normal;color:#555">${to ? anchor(label, to) : escape(label)}</th>` +
        `<td valign="top">${escape(line(value))}</td></tr>`,
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
    link === null
      ? ""
      : `<p>${"says" in link ? escape(line(link.says)) : anchor(link.words, link.to)}</p>`,
    `<p style="color:#777">${escape(foot(version))}</p></body></html>`,
  ].join("\n");
}

function anchor(words: string, to: string): string {
  return `<a href="${escape(to)}">${escape(line(words))}</a>`;
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

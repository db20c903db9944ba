/**
 * The shapes that pictures are made of, as SVG text. Each has its colours as attributes, which are
 * legible where no style is applied, and a class by which `pictureStyle` sets those of dark screens
 * and of paper.
 */

type Role = "paper" | "ink" | "dim" | "main" | "few" | "grid" | "goal" | "goalEdge";

/** Text has 4.5:1 and marks have 3:1 against the paper; `grid` and `goal` only decorate. */
export const palettes: Readonly<
  Record<"light" | "dark" | "print", Readonly<Record<Role, string>>>
> = {
  light: {
    paper: "#ffffff",
    ink: "#1b1f24",
    dim: "#57606a",
    main: "#0b57a4",
    few: "#68717b",
    grid: "#d5dae0",
    goal: "#dcefdf",
    goalEdge: "#1a7f37",
  },
  dark: {
    paper: "#14171a",
    ink: "#e8eaed",
    dim: "#a3adb8",
    main: "#79b8ff",
    few: "#98a1ab",
    grid: "#353c44",
    goal: "#1b3a25",
    goalEdge: "#6fcf87",
  },
  print: {
    paper: "#ffffff",
    ink: "#000000",
    dim: "#3d3d3d",
    main: "#1a1a1a",
    few: "#6e6e6e",
    grid: "#cfcfcf",
    goal: "#e9e9e9",
    goalEdge: "#555555",
  },
};

const roles = Object.keys(palettes.light) as Role[];
const rulesOf = (palette: Readonly<Record<Role, string>>): string =>
  roles
    .map(
      (role) =>
        `.picture .f-${role}{fill:${palette[role]}}.picture .s-${role}{stroke:${palette[role]}}`,
    )
    .join("");

/** The text of the style element: the colours of dark screens, and black and grey on paper. */
export const pictureStyle =
  `@media (prefers-color-scheme:dark){${rulesOf(palettes.dark)}}@media ` +
  `print{${rulesOf(palettes.print)}}`;

type Attributes = Readonly<Record<string, string | number | undefined>>;

function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => (value === undefined ? "" : ` ${key}="${attribute(name, key, value)}"`))
    .join("");
  return children.length === 0
    ? `<${name}${written}/>`
    : `<${name}${written}>${children.join("")}</${name}>`;
}

function attribute(name: string, key: string, value: string | number): string {
  if (typeof value === "string") return escaped(value);
  if (!Number.isFinite(value)) throw new RangeError(`${key} of a ${name} is ${value}`);
  return String(Math.round(value * 100) / 100);
}

const fill = (role: Role): Attributes => ({ class: `f-${role}`, fill: palettes.light[role] });
const stroke = (role: Role, width: number): Attributes => ({
  class: `s-${role}`,
  fill: "none",
  stroke: palettes.light[role],
  "stroke-width": width,
});
const hollow = (role: Role): Attributes => ({
  class: `f-paper s-${role}`,
  fill: palettes.light.paper,
  stroke: palettes.light[role],
  "stroke-width": 1.5,
});

/** A rectangle that is full of its colour. */
export const bar = (x: number, y: number, width: number, height: number, role: Role): string =>
  element("rect", { x, y, width, height, ...fill(role) });

/** A rectangle of which only the edge is drawn, inside its measures. */
export const hollowBar = (x: number, y: number, width: number, height: number, role: Role) =>
  width < 3
    ? bar(x, y, width, height, role)
    : element("rect", {
        x: x + 0.75,
        y: y + 0.75,
        width: width - 1.5,
        height: height - 1.5,
        ...hollow(role),
      });

export const line = (
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  role: Role,
  { width = 1, dashed = false }: { readonly width?: number; readonly dashed?: boolean } = {},
): string =>
  element("line", {
    x1,
    y1,
    x2,
    y2,
    ...stroke(role, width),
    "stroke-dasharray": dashed ? "3 2" : undefined,
  });

export const polyline = (points: readonly (readonly [number, number])[], role: Role): string =>
  element("polyline", {
    points: points
      .map(([x, y]) => `${attribute("polyline", "x", x)},${attribute("polyline", "y", y)}`)
      .join(" "),
    ...stroke(role, 1.5),
  });

export const dot = (cx: number, cy: number, r: number, role: Role): string =>
  element("circle", { cx, cy, r, ...fill(role) });

export const hollowDot = (cx: number, cy: number, r: number, role: Role): string =>
  element("circle", { cx, cy, r, ...hollow(role) });

/** Shapes that are one thing, with the words that a pointer over it shows. */
export const titled = (words: string, ...marks: readonly string[]): string =>
  element("g", {}, element("title", {}, escaped(clean(words))), ...marks);

interface Lettering {
  readonly size?: number;
  readonly bold?: boolean;
  readonly role?: "ink" | "dim" | "few";
  readonly anchor?: "start" | "middle" | "end";
  /** The room that there is; what does not fit is cut, and whole in the element's title. */
  readonly within?: number;
}

/** One line of text; `y` is its baseline. */
export function textMark(x: number, y: number, words: string, how: Lettering = {}): string {
  const { size = 12, bold = false, role = "ink", anchor = "start", within = Infinity } = how;
  const whole = clean(words);
  const shown = fitted(whole, within, size, bold);
  const written = (x: number, y: number) =>
    element(
      "text",
      {
        x,
        y,
        ...fill(role),
        "font-size": size,
        "font-weight": bold ? 600 : undefined,
        "text-anchor": anchor === "start" ? undefined : anchor,
      },
      ...(shown === whole ? [] : [element("title", {}, escaped(whole))]),
      escaped(shown),
    );
  if (anchor !== "start" || !Number.isFinite(within) || !guessed.test(shown)) return written(x, y);
  // The width of these letters is only guessed: what is wider after all ends at the edge of its box.
  const above = Math.ceil(size * 1.2);
  return element(
    "svg",
    { x, y: y - above, width: within, height: above + Math.ceil(size * 0.4), overflow: "hidden" },
    written(0, above),
  );
}

/** The picture; `title` and `description` are what it says to who cannot see it. */
export function svg(
  { width, height }: { readonly width: number; readonly height: number },
  title: string,
  description: string,
  marks: readonly string[],
): string {
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      class: "picture",
      role: "img",
      viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`,
      width: Math.ceil(width),
      height: Math.ceil(height),
      "font-family": "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif",
    },
    element("title", {}, escaped(clean(title))),
    element("desc", {}, escaped(clean(description))),
    element("style", {}, pictureStyle),
    bar(0, 0, Math.ceil(width), Math.ceil(height), "paper"),
    ...marks,
  );
}

/** From a value to its place; what is below 0 or above `most` stands at the end of the scale. */
export const scale =
  (most: number, from: number, to: number) =>
  (value: number): number =>
    from + (most > 0 ? Math.min(1, Math.max(0, value / most)) : 0) * (to - from);

/** A round number that is not less than the largest of these. */
export function roundAbove(values: readonly number[]): number {
  const most = values.reduce((one, other) => Math.max(one, other), 0);
  if (most === 0) return 1;
  const ten = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 3, 4, 5, 6, 8, 10].find((one) => one * ten >= most) ?? 10) * ten;
}

/** Lines of at most `within`. */
export function wrapped(words: string, within: number, size: number, bold = false): string[] {
  const lines: string[] = [];
  for (const word of clean(words).split(" ")) {
    const longer = `${lines.at(-1) ?? ""} ${word}`.trim();
    if (lines.length > 0 && textWidth(longer, size, bold) <= within)
      lines[lines.length - 1] = longer;
    else lines.push(fitted(word, within, size, bold));
  }
  return lines;
}

/** The first of these that fits, else the last. */
export const firstFitting = (words: readonly string[], within: number, size: number): string =>
  alikeFitting([words], within, size)[0] ?? "";

/** Of each of these the first, or of each the second and so on, so that all of them fit. */
export function alikeFitting(
  words: readonly (readonly string[])[],
  within: number,
  size: number,
): string[] {
  const forms = Math.max(...words.map((one) => one.length));
  const nth = (n: number) => words.map((one) => one[Math.min(n, one.length - 1)] ?? "");
  for (let n = 0; n < forms - 1; n += 1)
    if (nth(n).every((one) => textWidth(one, size) <= within)) return nth(n);
  return nth(forms - 1);
}

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

/** A text of at most so many letters, the last of which is an ellipsis where it was longer. */
export function shortened(words: string, most: number): string {
  const letters = Array.from(segmenter.segment(words), ({ segment }) => segment);
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : words;
}

/** The text, or as much of it as has room before an ellipsis. */
function fitted(words: string, within: number, size: number, bold = false): string {
  if (textWidth(words, size, bold) <= within) return words;
  const room = within - textWidth("…", size, bold);
  let shown = "";
  let used = 0;
  for (const { segment } of segmenter.segment(words)) {
    used += textWidth(segment, size, bold);
    if (used > room) break;
    shown += segment;
  }
  return `${shown.trimEnd()}…`;
}

/**
 * How wide a text is at most, by the letters of DejaVu Sans, one of the widest that are in use; a
 * picture is drawn without knowing the reader's font.
 */
export function textWidth(words: string, size: number, bold = false): number {
  let ems = 0;
  if (/^[ -~]*$/.test(words))
    for (let n = 0; n < words.length; n += 1) ems += plainWidths[words.charCodeAt(n)] ?? 0;
  else for (const { segment } of segmenter.segment(words)) ems += letterWidth(segment);
  return ems * size * (bold ? 1.14 : 1);
}

function letterWidth(letter: string): number {
  if (/^[ijlI.,:;'|!()[\] ftr\-/·]/.test(letter)) return 0.42;
  if (/^[MWm%@—…w&]/.test(letter)) return 1;
  if (/^[A-Z]/.test(letter)) return 0.75;
  if (/^[\u0020-\u024f–]/.test(letter)) return 0.64;
  if (/^\p{Script=Hebrew}|^\p{Script=Arabic}/u.test(letter)) return 0.7;
  return /^[\u0370-\u052f]/.test(letter) ? 0.8 : 1.2;
}

const plainWidths = Array.from({ length: 127 }, (_, code) =>
  letterWidth(String.fromCharCode(code)),
);

/** Letters whose width `textWidth` only guesses. */
const guessed = /[^\u0020-\u024f\u0370-\u03ff\u0400-\u052f–—…]/;

/** A text as it stands in XML and HTML, elements and attributes alike: no markup, one line. */
export const written = (words: string): string => escaped(clean(words)).replaceAll("'", "&#39;");

/** XML's five, so that no text is markup. */
function escaped(words: string): string {
  return words
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/**
 * One line of letters that XML allows: without control characters, without such as turn the
 * direction of what follows, and with at most three marks on a letter.
 */
function clean(words: string): string {
  return words
    .replace(/[\s\u0085\u2028\u2029]+/g, " ")
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "")
    .replace(/[\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd")
    .replace(/(\p{M}{3})\p{M}+/gu, "$1")
    .trim();
}

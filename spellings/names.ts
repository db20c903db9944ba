import { inForm } from "../handoff/facts/text.ts";

/**
 * Text as names are looked up: case, accents, dots, what nobody sees, `&`, `ß` and kinds of spaces
 * do not count.
 */
export function nameKey(text: string): string {
  return inForm(text, "NFKD")
    .replaceAll(/[\p{Mn}\p{Cf}.]/gu, "")
    .toLowerCase()
    .replaceAll("ß", "ss")
    .replaceAll("&", " and ")
    .replaceAll(/[\s_’'`-]+/g, " ")
    .trim();
}

const umlauts: Readonly<Record<string, string>> = { ä: "ae", ö: "oe", ü: "ue" };

/** The name, and as it is written where a keyboard has no umlauts: `Oesterreich`. */
function spelled(name: string): readonly string[] {
  const lower = inForm(name, "NFC").toLowerCase();
  return /[äöü]/.test(lower)
    ? [name, lower.replaceAll(/[äöü]/g, (letter) => umlauts[letter] ?? letter)]
    : [name];
}

/** Codes by name. A name that stands for two codes is dropped, unless the earlier source has it. */
export class CodeIndex {
  readonly #codes = new Map<string, string>();
  readonly #doubtful = new Set<string>();

  /** Names of one source; what earlier sources said stands. */
  add(names: Iterable<readonly [name: string, code: string]>): this {
    const found = new Map<string, Set<string>>();
    for (const [name, code] of names)
      for (const key of spelled(name).map(nameKey))
        if (key !== "") found.set(key, (found.get(key) ?? new Set()).add(code));
    for (const [key, codes] of found) {
      if (this.#codes.has(key)) continue;
      const [code, ...more] = codes;
      if (more.length > 0) this.#doubtful.add(key);
      else if (code !== undefined && !this.#doubtful.has(key)) this.#codes.set(key, code);
    }
    return this;
  }

  codeOf(name: string): string | undefined {
    return this.#codes.get(nameKey(name));
  }
}

/** Words that are shortened in names, as they are written out. */
const shortened: Readonly<Record<string, string>> = {
  dem: "democratic",
  fed: "federal",
  gr: "great",
  n: "north",
  rep: "republic",
  s: "south",
  st: "saint",
  w: "west",
};

/** The name with its shortened words written out: `Czech Rep.`, `N. Carolina`. */
export function writtenOut(name: string): string {
  return name.replaceAll(
    /(?<![\p{L}.'’])([a-z]{1,3})(?:\.|(?=[\s,]|$))/giu,
    (word, letters: string) => shortened[letters.toLowerCase()] ?? word,
  );
}

/**
 * What a text of several parts says more than once: `DE - Germany`, `United States (US)`, `German;
 * Deutsch`, `DE Germany`. Undefined when a part is not understood or says something else.
 */
export function saidTwice(
  text: string,
  codeOf: (part: string) => string | undefined,
): string | undefined {
  const parts = text
    .split(/[-–—,;:/|()[\]{}]+|(?<=^\s*[A-Z]{2,3})\s/)
    .filter((part) => part.trim() !== "");
  if (parts.length < 2 || parts.length > 4) return undefined;
  const codes = new Set(parts.map(codeOf));
  return codes.size === 1 ? [...codes][0] : undefined;
}

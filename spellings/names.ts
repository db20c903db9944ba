import { inForm } from "../handoff/facts/text.ts";

/** Text as names are looked up: case, accents, dots and kinds of spaces do not count. */
export function nameKey(text: string): string {
  return inForm(text, "NFKD")
    .replaceAll(/[\p{Mn}.]/gu, "")
    .toLowerCase()
    .replaceAll(/[\s_’'`-]+/g, " ")
    .trim();
}

/** Codes by name. A name that stands for two codes is dropped, unless the earlier source has it. */
export class CodeIndex {
  readonly #codes = new Map<string, string>();
  readonly #doubtful = new Set<string>();

  /** Names of one source; what earlier sources said stands. */
  add(names: Iterable<readonly [name: string, code: string]>): this {
    const found = new Map<string, Set<string>>();
    for (const [name, code] of names) {
      const key = nameKey(name);
      if (key !== "") found.set(key, (found.get(key) ?? new Set()).add(code));
    }
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

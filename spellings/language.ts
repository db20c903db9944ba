import languages from "@cospired/i18n-iso-languages";
import { CodeIndex } from "./names.ts";

/** What people write that no list of names has. */
const others: readonly (readonly [string, string])[] = [
  ["Mandarin", "zh"],
  ["Mandarin Chinese", "zh"],
  ["Simplified Chinese", "zh"],
  ["Traditional Chinese", "zh"],
  ["Castellano", "es"],
  ["Castilian", "es"],
  ["Farsi", "fa"],
  ["Flemish", "nl"],
  ["American English", "en"],
  ["British English", "en"],
  ["US English", "en"],
  ["UK English", "en"],
  ["Brazilian Portuguese", "pt"],
  ["Swiss German", "de"],
  ["Bahasa Indonesia", "id"],
  ["Bahasa Melayu", "ms"],
  ["Norsk bokmål", "nb"],
];

let index: CodeIndex | undefined;

/**
 * The ISO 639-1 code of a language by its code (two or three letters, also as the beginning of
 * `de-AT` or `en_US`) or its name in any of some thirty languages; undefined when it is none.
 */
export function languageCode(text: string): string | undefined {
  index ??= languageIndex();
  const tag =
    /^([a-z]{2,3})(?:[-_][a-z]{4})?(?:[-_](?:[a-z]{2}|\d{3}))?(?:[-_][a-z\d]{5,8})?(?:\.utf-?8)?$/i.exec(
      text.trim(),
    );
  // What stands in brackets says where it is spoken: `Français (France)`.
  const said = index.codeOf(text) ?? index.codeOf(text.replace(/\s*\([^()]{1,60}\)\s*$/, ""));
  return said ?? (tag ? index.codeOf(tag[1] ?? "") : undefined);
}

/** All codes, as facts hold them. */
export function languageCodes(): readonly string[] {
  return Object.keys(languages.getAlpha2Codes());
}

function languageIndex(): CodeIndex {
  const namesIn = (language: string) =>
    Object.entries(languages.getNames(language)).map(([code, name]) => [name, code] as const);
  return new CodeIndex()
    .add(Object.keys(languages.getAlpha2Codes()).map((code) => [code, code] as const))
    .add(Object.entries(languages.getAlpha3TCodes()).map(([three, two]) => [three, two] as const))
    .add(Object.entries(languages.getAlpha3BCodes()).map(([three, two]) => [three, two] as const))
    .add(others)
    .add(namesIn("en"))
    .add(languages.langs().flatMap(namesIn));
}

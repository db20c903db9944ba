import languages from "@cospired/i18n-iso-languages";
import { CodeIndex, saidTwice } from "./names.ts";

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
  ["Putonghua", "zh"],
  ["普通话", "zh"],
  ["Filipino", "tl"],
  ["fil", "tl"],
  ["Vlaams", "nl"],
  ["Schwyzerdütsch", "de"],
  ["Valencian", "ca"],
  ["Moldovan", "ro"],
  // Codes of countries that stand for no language, and are taken for one.
  ["cz", "cs"],
  ["dk", "da"],
  ["jp", "ja"],
  ["ua", "uk"],
];

let index: CodeIndex | undefined;

/**
 * The ISO 639-1 code of a language by its code (two or three letters, also as the beginning of
 * `de-AT` or `en_US`) or its name in any of some thirty languages and in its own; undefined when it
 * is none.
 */
export function languageCode(text: string): string | undefined {
  return codeOfName(text) ?? saidTwice(text, codeOfName);
}

function codeOfName(text: string): string | undefined {
  index ??= languageIndex();
  // What stands in brackets says where it is spoken: `Français (France)`.
  const bare = text.replace(/\s*\([^()]{1,60}\)\s*$/, "");
  return index.codeOf(text) ?? index.codeOf(bare) ?? index.codeOf(languageOfTag(text) ?? "");
}

/** What a tag such as `sr-Latn-RS`, `en_US.UTF-8` or `de;q=0.9` says first. */
function languageOfTag(text: string): string | undefined {
  const tag = text
    .trim()
    .replace(/\..{1,10}$|;\s*q=.{1,6}$/i, "")
    .replaceAll("_", "-");
  if (!/^[a-z]{2,3}(?:-[a-z\d]{1,8}){0,4}$/i.test(tag)) return undefined;
  try {
    return new Intl.Locale(tag).language;
  } catch {
    return undefined;
  }
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
    .add(languages.langs().flatMap(namesIn))
    .add(languageCodes().flatMap((code) => [...shownIn("en", code), ...shownIn(code, code)]));
}

/** The name that software shows to people (CLDR), of one language in another or in its own. */
function shownIn(reader: string, code: string): (readonly [string, string])[] {
  const names = new Intl.DisplayNames([reader], { type: "language", fallback: "none" });
  // A language that it has no words for is answered in the system's.
  if (names.resolvedOptions().locale !== reader) return [];
  const name = names.of(code);
  return name === undefined ? [] : [[name, code]];
}

import languages from "@cospired/i18n-iso-languages";
import { CodeIndex } from "./names.ts";

let index: CodeIndex | undefined;

/**
 * The ISO 639-1 code of a language by its code (two or three letters, also as the beginning of
 * `de-AT` or `en_US`) or its name in any of some thirty languages; undefined when it is none.
 */
export function languageCode(text: string): string | undefined {
  index ??= languageIndex();
  const tag = /^([a-z]{2,3})[-_](?:[a-z]{4}[-_])?(?:[a-z]{2}|\d{3})(?:\.utf-?8)?$/i.exec(
    text.trim(),
  );
  return index.codeOf(tag?.[1] ?? text);
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
    .add(namesIn("en"))
    .add(languages.langs().flatMap(namesIn));
}

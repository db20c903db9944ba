/**
 * Unicode's own forms, in time that grows with the text: more than thirty marks on one letter, which
 * no script has, are parted as UAX #15 says ("Stream-Safe Text Format"). To put 30,000 of them in
 * order would take seconds.
 */
export function inForm(text: string, form: "NFC" | "NFD" | "NFKC" | "NFKD"): string {
  // The joiner that parts them is itself a mark.
  return text
    .replaceAll(/(?:(?!\u034f)\p{M}){30}(?=(?!\u034f)\p{M})/gu, "$&\u034f")
    .normalize(form);
}

/**
 * Without white space around it, and without what nobody sees: marks of direction, joiners and
 * fillers that are copied along from pages and documents.
 */
export function withoutEdges(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && isUnseen(text[from])) from++;
  while (to > from && isUnseen(text[to - 1])) to--;
  return text.slice(from, to);
}

function isUnseen(char: string | undefined): boolean {
  return char !== undefined && /[\s\p{Cf}\u115f\u1160\u2800\u3164\uffa0]/u.test(char);
}

/**
 * The form in which text is compared: trimmed, Unicode NFKC, case folded (docs/agreement.md,
 * "Conditions"). JavaScript has no case folding of its own; lower, upper, lower case gives it for
 * all but a handful of letters ("Straße" equals "STRASSE"), and the final sigma is made an ordinary
 * one.
 */
export function fold(text: string): string {
  // nearly all text, and the same result for a tenth of the time
  if (isAscii.test(text)) return text.toLowerCase().trim();
  const lower = inForm(text, "NFKC").toLowerCase().toUpperCase().toLowerCase();
  return withoutEdges(inForm(lower.replaceAll("ς", "σ"), "NFKC"));
}

const isAscii = /^[\x20-\x7e]*$/;

export function sameText(a: string, b: string): boolean {
  return fold(a) === fold(b);
}

/**
 * The word that the text is, however it is written. A text that is longer than any word can be is
 * none of them, and is not folded: a cell may have 30,000 characters, and a list as many words.
 */
export function wordOf(text: string, words: readonly string[]): string | undefined {
  const trimmed = withoutEdges(text);
  const longest = words.reduce((most, word) => Math.max(most, word.length), 0);
  // Three characters may be one when they are put together.
  if (trimmed.length > 4 * longest) return undefined;
  const folded = fold(trimmed);
  return words.find((word) => fold(word) === folded);
}

/**
 * Whether the whole text fits the glob; `*` stands for any run of characters and everything else
 * for itself. Each fixed piece is searched once, from where the last one ended, so the time grows
 * with the text and never explodes as a regular expression's can.
 */
export function matchesGlob(text: string, glob: string): boolean {
  const subject = fold(text);
  const pieces = fold(glob).split("*");
  const first = pieces[0] ?? "";
  const last = pieces.at(-1) ?? "";
  if (pieces.length === 1) return subject === first;
  if (!subject.startsWith(first)) return false;
  let from = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = subject.indexOf(piece, from);
    if (found < 0) return false;
    from = found + piece.length;
  }
  return subject.length - last.length >= from && subject.endsWith(last);
}

/**
 * Whether text can be stored and compared at all: no NUL (Postgres refuses it) and no half of a
 * surrogate pair.
 */
export function isStorable(text: string): boolean {
  return !/\u0000|\p{Surrogate}/u.test(text);
}

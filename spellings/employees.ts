import { inForm } from "../handoff/facts/text.ts";

/**
 * How many people a size says at least: `51-200` is 51, `10,001+` is 10001, `1k to 5k employees`
 * is 1000. A bare number stays as it came. Undefined when it is no size.
 */
export function fewestPeople(text: string): string | undefined {
  // `200¹` has a footnote, and is not 2001.
  if (/\p{No}/u.test(text)) return undefined;
  const plain = inForm(text, "NFKC")
    .replaceAll(/[\p{Pd}−]|(?<=\d\s?)~(?=\s?\d)/gu, "-")
    .replaceAll(/(?<=\d)[\s'’](?=\d{3}(?!\d))/g, "")
    .replace(/\s*\([^()]{1,60}\)\s*$/, (aside) => (/\d/.test(aside) ? aside : ""))
    // Form builders write `_` for spaces; between digits it may mean anything.
    .replaceAll(/_(?=\p{L})|(?<=\p{L})_/gu, " ")
    .replace(/^\[([^[\]]*)\]$|^\(([^()]*)\)$/, "$1$2")
    .replace(named, "$1$2")
    .replace(peopleWord, "")
    .replace(roughly, "")
    .trim();
  if (alone.test(plain)) return "1";
  const range = between.exec(plain);
  if (range) {
    const high = numberOf(range[2]);
    const unit = /[km]$/i.exec(range[2] ?? "")?.[0] ?? "";
    // `10-50k` begins at ten thousand, `500-1k` at five hundred.
    const whole = numberOf(`${range[1]}${unit}`);
    const low = whole !== undefined && whole <= (high ?? 0) ? whole : numberOf(range[1]);
    return low !== undefined && high !== undefined && low <= high ? String(low) : undefined;
  }
  if (upTo.test(plain)) return "1";
  const above = moreThan.exec(plain);
  if (above) return textOf(numberOf(above[1]), 1);
  return textOf(numberOf(orMore.exec(plain)?.[1]), 0);
}

/**
 * A range with its name: `SMB (1-50)`, `Enterprise: 1000+`. A bare number there may be a year.
 */
const named = /^\p{L}[\p{L} -]{0,40}(?:\(([^()]*[-+<>≤≥][^()]*)\)|:\s*([^:]*[-+<>≤≥][^:]*))$/u;
const peopleWord =
  /\s*(?:employees|empl?|people|staff|headcount|angestellte|personen|mitarbeitende|mitarbeiter(?::innen)?|ma|beschäftigte|persons|employés|salariés|collaborateurs|personnes|empleados|personas|trabajadores|funcionários|colaboradores|dipendenti|addetti|medewerkers|werknemers|anställda|ansatte|pracowników|人|名|ft?es?)\.?$/i;
const roughly =
  /^(?:c(?:a|irca)?\.?|about|around|approx\.?|approximately|roughly|rund|etwa|environ|[~≈±])\s*(?=\d)/i;
const alone = /^(?:self[- ]?employed|freelancer?|just me|only me|sole (?:trader|proprietor))$/i;
/** A part of a number is one only before `k` or `m`: `1.5k`. */
const size = "\\d+(?:(?:,\\d{3})*|[.,]\\d{1,2}(?=\\s?[km]))\\s?[km]?";
const between = new RegExp(
  `^(?:(?:between|from|zwischen|von|entre|de|da|van|od)\\s+)?(${size})\\s*` +
    `(?:-|to|through|bis|and|und|et|à|y|a|até|tot|t\\/m|do|till|\\.\\.\\.?)\\s*(${size})$`,
  "i",
);
const upTo = new RegExp(
  "^(?:<=?|≤|⩽|up to|max(?:\\.|imum)?|under|below|less than|fewer than|bis(?: zu)?|unter|höchstens|" +
    "weniger als|jusqu'à|moins de|hasta|menos de|até|fino a|meno di|tot|minder dan|färre än)" +
    `\\s*(${size})$`,
  "i",
);
const moreThan = new RegExp(
  "^(?:>|over|above|more than|über|mehr als|(?:plus|\\+) de|más de|mais de|oltre|più di|meer dan|fler än)" +
    `\\s*(${size})$`,
  "i",
);
const orMore = new RegExp(
  `^(?:>=|≥|⩾|from|ab|at least|min(?:\\.|imum)?|mind(?:\\.|estens))?\\s*(${size})\\s*(\\+|plus|` +
    "(?:or|and|&) (?:more|above|over|up)|(?:oder|und) mehr|et plus|ou plus|o más|y más|o più|e più|of meer|en meer)?$",
  "i",
);

function numberOf(text: string | undefined): number | undefined {
  const parts = /^(\d+|\d{1,3}(?:,\d{3})+|\d+[.,]\d{1,2}(?=\s?[km]))\s?([km]?)$/i.exec(text ?? "");
  const [, digits = "", unit = ""] = parts ?? [];
  if (digits === "") return undefined;
  const times = { "": 1, k: 1_000, m: 1_000_000 }[unit.toLowerCase()] ?? 1;
  const number = /[.,]\d{1,2}$/.test(digits)
    ? digits.replace(",", ".")
    : digits.replaceAll(",", "");
  return Math.round(Number(number) * times);
}

function textOf(value: number | undefined, more: number): string | undefined {
  return value === undefined ? undefined : String(value + more);
}

import { inForm } from "../handoff/facts/text.ts";

/**
 * How many people a size says at least: `51-200` is 51, `10,001+` is 10001, `1k to 5k employees`
 * is 1000. A bare number stays as it came. Undefined when it is no size.
 */
export function fewestPeople(text: string): string | undefined {
  const plain = inForm(text, "NFKC")
    .replaceAll(/(?<=\d)[\s'’](?=\d{3}(?!\d))/g, "")
    .replace(peopleWord, "")
    .replace(roughly, "")
    .trim();
  if (alone.test(plain)) return "1";
  const range = between.exec(plain);
  if (range) {
    const [low, high] = [numberOf(range[1]), numberOf(range[2])];
    return low !== undefined && high !== undefined && low <= high ? String(low) : undefined;
  }
  if (upTo.test(plain)) return "1";
  const above = moreThan.exec(plain);
  if (above) return textOf(numberOf(above[1]), 1);
  return textOf(numberOf(orMore.exec(plain)?.[1]), 0);
}

const peopleWord =
  /\s*(employees|people|staff|headcount|mitarbeitende|mitarbeiter|ma|persons|salariés|empleados|dipendenti|ft?es?)\.?$/i;
const roughly =
  /^(?:ca\.?|circa|about|around|approx\.?|approximately|roughly|rund|etwa|environ|[~≈±])\s*(?=\d)/i;
const alone = /^(?:self[- ]?employed|freelancer?|just me|only me|sole (?:trader|proprietor))$/i;
/** A part of a number is one only before `k` or `m`: `1.5k`. */
const size = "\\d+(?:(?:,\\d{3})*|[.,]\\d{1,2}(?=\\s?[km]))\\s?[km]?";
const between = new RegExp(
  `^(?:(?:between|from|zwischen|von|entre|de)\\s+)?(${size})\\s*(?:-|–|—|to|bis|and|und|et|à|y|a|\\.\\.)\\s*(${size})$`,
  "i",
);
const upTo = new RegExp(`^(?:<=?|up to|bis|under|less than|weniger als)\\s*(${size})$`, "i");
const moreThan = new RegExp(`^(?:>|over|more than|über|mehr als)\\s*(${size})$`, "i");
const orMore = new RegExp(
  `^(?:>=|≥|from|ab|at least)?\\s*(${size})\\s*(\\+|plus|(?:or|and) ` +
    "(?:more|above|over|up)|(?:oder|und) mehr|et plus)?$",
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

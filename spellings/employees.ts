/**
 * How many people a size says at least: `51-200` is 51, `10,001+` is 10001, `1k to 5k employees`
 * is 1000. A bare number stays as it came. Undefined when it is no size.
 */
export function fewestPeople(text: string): string | undefined {
  const plain = text
    .normalize("NFKC")
    .replaceAll(/(?<=\d)[\s'’](?=\d{3}(?!\d))/g, "")
    .replace(/\s*(employees|people|staff|mitarbeitende|mitarbeiter|persons|ft?es?)\.?$/i, "")
    .trim();
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

const size = "\\d+(?:,\\d{3})*\\s?k?";
const between = new RegExp(`^(${size})\\s*(?:-|–|—|to|bis|\\.\\.)\\s*(${size})$`, "i");
const upTo = new RegExp(`^(?:<=?|up to|bis|under|less than|weniger als)\\s*(${size})$`, "i");
const moreThan = new RegExp(`^(?:>|over|more than|über|mehr als)\\s*(${size})$`, "i");
const orMore = new RegExp(
  `^(?:>=|≥|from|ab|at least)?\\s*(${size})\\s*(\\+|or more|and more)?$`,
  "i",
);

function numberOf(text: string | undefined): number | undefined {
  const parts = /^(\d+|\d{1,3}(?:,\d{3})+)\s?(k?)$/i.exec(text ?? "");
  return parts ? Number(parts[1]?.replaceAll(",", "")) * (parts[2] ? 1000 : 1) : undefined;
}

function textOf(value: number | undefined, more: number): string | undefined {
  return value === undefined ? undefined : String(value + more);
}

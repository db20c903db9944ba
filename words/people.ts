/** Of a person of the roster, or of the token or login of whoever did something. */
const personId = /\b(?:rp_[\w-]{1,60}|(?:tn|lg)_[0-9a-z]{20,40})/g;

/** What people are called, by their ids; whoever has no name is missing. */
export type People = Readonly<Record<string, string>>;

/** The ids of people that stand anywhere in an answer, each once. */
export function peopleIn(answer: unknown): readonly string[] {
  return [...new Set(JSON.stringify(answer)?.match(personId))];
}

/** The names of people in the place of their ids; an id without a name stays. */
export function withNames(text: string, people: People): string {
  return text.replaceAll(personId, (id) => people[id] ?? id);
}

/** Rows of figures with names in their cells of text. */
export function rowsWithNames<T extends Readonly<Record<string, unknown>>>(
  rows: readonly T[],
  people: People,
): T[] {
  return rows.map(
    (row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, cell]) => [
          name,
          typeof cell === "string" ? withNames(cell, people) : cell,
        ]),
      ) as T,
  );
}

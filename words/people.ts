const personId = /\brp_[\w-]{1,60}/g;

/** The names of people of the roster, by their ids; who is not on it is missing. */
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

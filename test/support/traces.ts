import { rows, type Pool } from "../../store/postgres/db.ts";

/** Where any of the words is left in the database, whatever its case: `table.column: word`. */
export async function tracesIn(pool: Pool, words: readonly string[]): Promise<string[]> {
  const columns = await rows<{ t: string; c: string }>(pool, {
    text:
      "select table_name as t, column_name as c from information_schema.columns where " +
      "table_schema = 'public' order by 1, 2",
    values: [],
  });
  const hits = await rows<{ place: string; word: string }>(pool, {
    text: columns
      .map(
        ({ t, c }) =>
          `
            select distinct '${t}.${c}' as place, w as word from "${t}", unnest($1::text[]) w
              where strpos(lower("${c}"::text), lower(w)) > 0`,
      )
      .join(" union all "),
    values: [words],
  });
  return hits.map(({ place, word }) => `${place}: ${word}`);
}

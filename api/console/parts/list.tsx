import type { FC } from "hono/jsx";
import { withQuery } from "../paths.ts";

/** The way to the next page of a list, and back to its beginning. */
export const More: FC<{
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly next: string | null;
  readonly isFirst: boolean;
}> = ({ path, query = {}, next, isFirst }) =>
  next === null && isFirst ? null : (
    <nav class="pages" aria-label="Parts of the list">
      {isFirst ? null : <a href={withQuery(path, query)}>To the first</a>}{" "}
      {next === null ? null : <a href={withQuery(path, { ...query, cursor: next })}>Next 50</a>}
    </nav>
  );

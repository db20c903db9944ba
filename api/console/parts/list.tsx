import type { Child, FC } from "hono/jsx";
import { withQuery } from "../paths.ts";

/** A list of rows under heads; on a telephone its rows are cards. The caption is heard, not seen. */
export const List: FC<{
  readonly kind?: string;
  readonly caption: string;
  readonly heads: readonly string[];
  readonly children?: Child;
}> = ({ kind, caption, heads, children }) => (
  <table class={kind === undefined ? "cards" : `cards ${kind}`} data-list>
    <caption class="visually-hidden">{caption}</caption>
    <thead>
      <tr>
        {heads.map((head) => (
          <th scope="col">{head}</th>
        ))}
      </tr>
    </thead>
    <tbody>{children}</tbody>
  </table>
);

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

import type { FC } from "hono/jsx";

/** Words in which what is typed stands between backticks: as such, without them. */
export const WithCode: FC<{ readonly words: string }> = ({ words }) => (
  <>{words.split("`").map((part, n) => (n % 2 === 0 ? part : <code>{part}</code>))}</>
);

import type { Context } from "hono";
import type { AppEnv } from "../deps.ts";

/** What a list is narrowed to, as its address has it. */
export type ListFilters = Readonly<Record<string, string>>;

/** The filters of the address; a field of the form that was left empty is none. */
export function filtersOf(c: Context<AppEnv>, known: readonly string[]): ListFilters {
  return Object.fromEntries(
    known.flatMap((name) => {
      const value = c.req.query(name)?.trim();
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
}

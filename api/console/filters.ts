import type { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AppEnv } from "../deps.ts";
import { notAsDescribed } from "../http/errors.ts";

/** What a list is narrowed to, as its address has it. */
export type Filters = Readonly<Record<string, string>>;

/** The filters of the address; a field of the form that was left empty is none. */
export function filtersOf(c: Context<AppEnv>, known: readonly string[]): Filters {
  return Object.fromEntries(
    known.flatMap((name) => {
      const value = c.req.query(name)?.trim();
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
}

/**
 * What an address or a form says, as the request of the API takes it; throws a 422 that names the
 * first field that is wrong.
 */
export function asDescribed<S extends z.ZodType>(schema: S, given: unknown): z.output<S> {
  const read = schema.safeParse(given);
  if (!read.success) throw notAsDescribed(read.error, "form");
  return read.data;
}

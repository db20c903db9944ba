import { z } from "@hono/zod-openapi";
import { Problem } from "./errors.ts";

/** Query parameters of every list. A page has 100 entries at most; `cursor` comes from the page before. */
export const pageQuery = {
  limit: z.string().regex(/^\d{1,3}$/).transform(Number).pipe(z.number().int().min(1).max(100)).optional()
    .openapi({ type: "integer", description: "1 to 100; 50 when absent" }),
  cursor: z.string().max(400).optional().openapi({ description: "`next` of the page before" }),
};

export const defaultLimit = 50;

/** The body of a list: `next` is null on the last page. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** A cursor is opaque to the caller: the sort key of the last entry. */
export function toCursor(key: readonly (string | number | null)[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** The sort key in a cursor, checked by `schema`; throws a 422 when it is none of ours. */
export function fromCursor<T extends z.ZodType>(cursor: string | undefined, schema: T): z.output<T> | undefined {
  if (cursor === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
  } catch {
    throw new Problem("invalid", { field: "cursor", detail: "expected: the `next` of the page before, unchanged" });
  }
}

import { createHash } from "node:crypto";
import type { FC } from "hono/jsx";
import { newRoutes, type AppDeps, type Routes } from "../deps.ts";
import { heardHere } from "../http/reach.ts";
import type { Frame } from "./page.tsx";
import { paths, withQuery } from "./paths.ts";

/**
 * GET /console/live: which leads have changed, as events (SSE), for pages that are looked at. What
 * they are now is read by the page itself, as it is always read.
 */
export function liveRoutes(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.live, async (c) => {
    const { live } = deps;
    const { session } = c.var;
    // A browser does not ask again after this.
    if (!live || !session) return c.body(null, 204);
    const hears = await heardHere(deps.pool, c);
    // A browser that comes back says what it heard last.
    const since = Number(c.req.header("last-event-id") ?? c.req.query("since") ?? Number.NaN);
    const headers = { "content-type": "text/event-stream", "x-accel-buffering": "no" };
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    return c.body(live.join({ session: session.id, hears, since }), 200, headers);
  });
  return routes;
}

/**
 * Where a page says what has changed since it was made, in a place of its own so that nothing on the
 * page moves; with it a page listens. `page` is its address, which is another than the browser's when
 * it answers a form. A page about one lead says which, and as what it shows it.
 */
export const Changes: FC<{
  readonly frame: Frame;
  readonly page: string;
  readonly about?: { readonly lead: string; readonly as: unknown };
}> = ({ frame, page, about }) =>
  frame.since === null ? null : (
    <p
      id="changes"
      role="status"
      data-live={withQuery(paths.live, { since: frame.since })}
      data-page={page}
      data-of={about?.lead}
      data-as={about && createHash("sha256").update(JSON.stringify(about.as)).digest("base64url")}
    ></p>
  );

import { newRoutes, type AppDeps, type Routes } from "../deps.ts";
import { frameOf, Page, show } from "./page.tsx";
import { paths } from "./paths.ts";

/** GET /console/me: who the reader is here. */
export function mePages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.me, async (c) => {
    const frame = await frameOf(deps, c);
    return show(
      c,
      <Page title="You" frame={frame}>
        <h1>{frame.name}</h1>
        <p class="lead">{`Signed in as ${frame.caller.role}.`}</p>
      </Page>,
    );
  });
  return routes;
}

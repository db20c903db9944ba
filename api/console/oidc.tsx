import type { Context } from "hono";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { notFound, Problem } from "../http/errors.ts";
import { dropBegun, keepBegun, takeBegun } from "../http/oidc-cookie.ts";
import { outsideDeadline } from "../http/timeout.ts";
import { OidcRefused } from "../oidc.ts";
import { signInByMailAddress } from "../sign-in.ts";
import { Page, show } from "./page.tsx";
import { backTo, paths } from "./paths.ts";

/**
 * Sign-in by the OpenID provider. The first address leads to it; the second is where it leads back,
 * and is worth nothing without what the browser kept meanwhile.
 */
export function oidcPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.oidc, async (c) => {
    const { oidc } = deps;
    if (!oidc) throw notFound();
    const { url, begun } = await asked(c, () => oidc.begin());
    keepBegun(c, deps, { ...begun, to: backTo(c.req.query("to"), "") });
    return c.redirect(url, 303);
  });
  routes.get(`${paths.oidc}/back`, async (c) => {
    const { oidc } = deps;
    if (!oidc) throw notFound();
    const begun = takeBegun(c, deps);
    dropBegun(c, deps);
    if (!begun) return refused(c, "It was begun in another browser, or too long ago.");
    try {
      const email = await asked(c, () => oidc.finish(new URL(c.req.url), begun));
      if (email === null)
        return refused(c, `${oidc.name} does not vouch for the mail address of this account.`);
      if (!(await signInByMailAddress(deps, c, email)))
        return refused(
          c,
          "Nobody of the roster who signs in has the mail address of this account.",
        );
    } catch (error) {
      if (!(error instanceof OidcRefused)) throw error;
      deps.log.warn({ error: error.message }, "an OpenID provider's answer was refused");
      return refused(c, `${oidc.name} did not say who you are.`);
    }
    return c.redirect(backTo(begun.to, paths.home), 303);
  });
  return routes;
}

/** Asks the provider, which has its own time; when it does not answer, that is said. */
async function asked<T>(c: Context<AppEnv>, work: () => Promise<T>): Promise<T> {
  try {
    return await outsideDeadline(c.req.raw, work);
  } catch (error) {
    if (error instanceof OidcRefused) throw error;
    throw new Problem("unavailable", { detail: "the OpenID provider does not answer" });
  }
}

function refused(c: Context<AppEnv>, why: string): Promise<Response> {
  return show(
    c,
    <Page title="Not signed in">
      <div class="narrow">
        <h1>Not signed in</h1>
        <p role="alert">{why}</p>
        <p>
          <a class="button main" href={paths.in}>
            Try again
          </a>
        </p>
      </div>
    </Page>,
    403,
  );
}

import type { Context } from "hono";
import type { Child, FC } from "hono/jsx";
import { whom } from "../../messages/words.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { asProblem } from "../http/errors.ts";
import { actByLink, isOfLink, linkedOffer, readOfferView, type LinkedOffer } from "../offer.ts";
import { readFields } from "./form.tsx";
import { OfferBody, Saying } from "./offer-page.tsx";
import { Page, show } from "./page.tsx";
import { paths, withQuery } from "./paths.ts";

/**
 * GET and POST /console/offer/{token}: the page that mails lead to, for one person, one offer and a
 * time, without sign-in and without script. To open it changes nothing: programs that look at mail
 * open every link.
 */
export function offerRoutes(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get("/console/offer/:token", async (c) => {
    const found = await linkedOffer(deps, c, c.req.param("token"));
    return typeof found === "string" ? none(c, found) : standing(deps, c, found, 200);
  });
  routes.post("/console/offer/:token", async (c) => {
    const token = c.req.param("token");
    const fields = await readFields(c);
    const found = await linkedOffer(deps, c, token);
    if (typeof found === "string") return none(c, found);
    if (deps.mailLinks === "view")
      return say(c, 403, "Not done", "Links in mails only show here. Answer in the CRM.");
    const name = fields["action"];
    const key = /^[\da-f]{32}$/.exec(fields["key"] ?? "")?.[0];
    if (!isOfLink(name) || key === undefined)
      return standing(deps, c, found, 422, {
        problem: "The form was not complete. Choose again.",
      });
    try {
      await actByLink(deps, c, found, name, fields, key);
      // To open the page again, or to go back, sends nothing again.
      return c.redirect(c.req.path, 303);
    } catch (error) {
      const problem = asProblem(error);
      if (!problem || ![404, 409, 422].includes(problem.status)) throw error;
      const now = await linkedOffer(deps, c, token);
      if (typeof now === "string") return none(c, now);
      const why = problem.status === 404 ? "The lead is not with you." : problem.parts.detail;
      return standing(deps, c, now, problem.status === 422 ? 422 : 409, {
        problem: `Not done: ${why}${why.endsWith(".") ? "" : "."}`,
        given: problem.status === 422 ? fields : {},
      });
    }
  });
  return routes;
}

/** The offer's page as it stands now; of one that is over, what happened. */
async function standing(
  deps: AppDeps,
  c: Context<AppEnv>,
  found: LinkedOffer,
  status: 200 | 409 | 422,
  {
    problem = null,
    given = {},
  }: {
    readonly problem?: string | null;
    readonly given?: Readonly<Record<string, string>>;
  } = {},
): Promise<Response> {
  const answer = await readOfferView(deps, c, found);
  const title = whom(answer.names);
  return show(
    c,
    <OfferPage title={title}>
      {answer.isOver ? (
        <>
          <Saying
            title={title}
            sentences={[...(problem === null ? [] : [problem]), answer.since]}
          />
          <p>
            <a href={withQuery(paths.in, { to: paths.lead(found.link.leadId) })}>
              Sign in to Baton
            </a>
            {" to see how it stands."}
          </p>
        </>
      ) : (
        <OfferBody view={answer} problem={problem} given={given} />
      )}
    </OfferPage>,
    status,
  );
}

function none(c: Context<AppEnv>, why: "no-link" | "left"): Promise<Response> {
  return why === "left"
    ? say(c, 200, "This link has ended", "It was written to somebody who has left.")
    : say(c, 404, "No such link", "The link is not one of Baton's, or a part of it is missing.");
}

function say(
  c: Context<AppEnv>,
  status: 200 | 403 | 404,
  title: string,
  sentence: string,
): Promise<Response> {
  return show(
    c,
    <OfferPage title={title}>
      <Saying title={title} sentences={[sentence]} />
    </OfferPage>,
    status,
  );
}

/** Without a script: programs that look at mail run those of the pages they open. */
const OfferPage: FC<{ readonly title: string; readonly children?: Child }> = ({
  title,
  children,
}) => (
  <Page title={title} isPlain>
    <div class="offer">{children}</div>
  </Page>
);

import { asProblem } from "../http/errors.ts";
import { newRoutes, type AppDeps, type Routes } from "../deps.ts";
import { reopen, reopenBody } from "../people.ts";
import { Problem } from "../http/errors.ts";
import { once, readForm } from "./form.tsx";
import { showLead } from "./lead.tsx";
import { afterDoing } from "./parts/act.tsx";
import { paths } from "./paths.ts";

/** POST /console/leads/{id}/reopen: a closed lead begins again. */
export function reopenPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.post("/console/leads/:id/reopen", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    const said = reopenBody.safeParse({ why: form.fields["why"] });
    if (!said.success)
      throw new Problem("invalid", { field: "why", detail: "expected why it begins again" });
    try {
      return await once(deps, c, form, async () => {
        await reopen(deps, c, id, said.data.why);
        return afterDoing(form.back(paths.lead(id)), "reopen", id);
      });
    } catch (error) {
      const problem = asProblem(error);
      if (problem?.status !== 409 || problem.code === "key-reused") throw error;
      return showLead(deps, c, id, { problem, goOn: paths.lead(id) });
    }
  });
  return routes;
}

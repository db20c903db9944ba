import { capital } from "../../messages/words.ts";
import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { fieldWords, valueWords, withFieldNames } from "../../words/trace.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { asProblem, type Problem } from "../http/errors.ts";
import { correctFacts, readLead } from "../leads.ts";
import { leadName } from "./done.tsx";
import { Hidden, once, readForm } from "./form.tsx";
import { asking, frameOf, Page, show } from "./page.tsx";
import { missingIn } from "./parts/facts.tsx";
import { backTo, paths } from "./paths.ts";

/** What a rep fills in most, whether or not it is known. */
const usual = [
  "lead.phone",
  "lead.email",
  "lead.title",
  "lead.role",
  "account.name",
  "account.employees",
  "account.country",
];

/** GET and POST /console/leads/{id}/facts: what is known, to be corrected. */
export function factsPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get("/console/leads/:id/facts", (c) => {
    const id = c.req.param("id");
    const back = backTo(c.req.query("back"), paths.lead(id));
    return showFacts(deps, c, { id, back, given: {}, problem: null });
  });
  routes.post("/console/leads/:id/facts", async (c) => {
    const id = c.req.param("id");
    const form = await readForm(c);
    const back = form.back(paths.lead(id));
    const changed = changedIn(form.fields);
    try {
      return await once(deps, c, form, async () => {
        if (Object.keys(changed).length === 0) return back;
        const { notUnderstood, conflictsWith } = await correctFacts(deps, c, id, changed);
        return afterSaving(back, {
          kept: notUnderstood.map(({ field }) => field.replace(/^facts\./, "")),
          isConflict: conflictsWith.length > 0,
        });
      });
    } catch (error) {
      const problem = asProblem(error);
      const isField = problem?.parts.field?.startsWith("facts.") ?? false;
      if (!isField || problem === undefined) throw error;
      return showFacts(deps, c, { id, back, given: form.fields, problem });
    }
  });
  return routes;
}

/** The page of `back`, told what of the facts needs a second look. */
function afterSaving(
  back: string,
  { kept, isConflict }: { readonly kept: readonly string[]; readonly isConflict: boolean },
): string {
  const url = new URL(back, "http://console.invalid");
  url.searchParams.set("saved", isConflict ? "conflict" : "yes");
  if (kept.length > 0) url.searchParams.set("kept", kept.join(","));
  return url.pathname + url.search;
}

/** What a page says after facts were saved; null where none were. */
export function savedHere(c: Context<AppEnv>): string | null {
  const saved = c.req.query("saved");
  if (saved === undefined) return null;
  const kept = (c.req.query("kept") ?? "").split(",").filter((path) => /^[\w.]{1,90}$/.test(path));
  return [
    "Saved.",
    ...(kept.length === 0
      ? []
      : [`Kept as written, but not understood: ${kept.map(fieldWords).join(", ")}.`]),
    ...(saved === "conflict"
      ? ["Another lead has this address; a task asks whether they are one person."]
      : []),
  ].join(" ");
}

interface Asked {
  readonly id: string;
  readonly back: string;
  readonly given: Readonly<Record<string, string>>;
  readonly problem: Problem | null;
}

async function showFacts(deps: AppDeps, c: Context<AppEnv>, asked: Asked): Promise<Response> {
  const { id, back, given, problem } = asked;
  const [lead, frame] = await Promise.all([
    readLead(deps, asking(c, "GET /leads/{id}"), id),
    frameOf(deps, c),
  ]);
  const facts = { ...lead.accountFacts, ...lead.facts };
  const missing = lead.tasks.flatMap(({ detail }) => missingIn(detail));
  const fields = [...new Set([...missing, ...usual, ...Object.keys(facts).toSorted()])].filter(
    (path) => lead.correctable.includes(path),
  );
  const name = leadName(lead);
  return show(
    c,
    <Page title={`Correct ${name}`} frame={frame}>
      <div class="choose">
        <p class="dim">
          <a href={back} data-key="u">
            Back
          </a>
        </p>
        <h1>
          Correct <bdi>{name}</bdi>
        </h1>
        <p class="lead">A fact gets another value; what is left as it is stays as it is.</p>
        {problem === null ||
        fields.some((path) => problem.parts.field === `facts.${path}`) ? null : (
          <p class="error" role="alert">
            {capital(withFieldNames(problem.parts.detail))}
          </p>
        )}
        <form method="post" action={paths.facts(id)} class="fields">
          <Hidden back={back} />
          {fields.map((path) => (
            <Field
              path={path}
              value={facts[path]?.value}
              given={given[`fact:${path}`]}
              isMissing={missing.includes(path)}
              problem={problem?.parts.field === `facts.${path}` ? problem.parts.detail : null}
            />
          ))}
          <p>
            <button class="main">Save</button>
          </p>
        </form>
      </div>
    </Page>,
    problem === null ? 200 : problem.status === 403 ? 403 : 422,
  );
}

const Field: FC<{
  readonly path: string;
  readonly value: unknown;
  readonly given: string | undefined;
  readonly isMissing: boolean;
  readonly problem: string | null;
}> = ({ path, value, given, isMissing, problem }) => {
  const before = value === undefined ? "" : valueWords(value);
  const id = path.replace(".", "-");
  return (
    <div class="field">
      <label for={id}>
        {capital(fieldWords(path))}
        {path.startsWith("account.") && path !== "account.name" ? (
          <span class="dim"> of the company</span>
        ) : null}
        {isMissing ? <span class="late"> is asked for</span> : null}
      </label>
      <input type="hidden" name={`was:${path}`} value={before} />
      <input
        id={id}
        name={`fact:${path}`}
        value={given ?? before}
        maxlength={2_000}
        aria-invalid={problem === null ? undefined : "true"}
        aria-describedby={problem === null ? undefined : `${id}-problem`}
        autofocus={problem !== null}
      />
      {problem === null ? null : (
        <p class="error" role="alert" id={`${id}-problem`}>
          {capital(withFieldNames(problem))}
        </p>
      )}
    </div>
  );
};

/** The facts of a form that have another value than the form showed; nothing is taken away. */
function changedIn(fields: Readonly<Record<string, string>>): Record<string, string> {
  const changed: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields)) {
    const path = /^fact:(.+)$/.exec(name)?.[1];
    if (path !== undefined && value !== "" && value !== fields[`was:${path}`])
      changed[path] = value;
  }
  return changed;
}

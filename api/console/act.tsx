import type { Context } from "hono";
import { actions, type ActionName } from "../../handoff/stage.ts";
import { performAction, saidOf } from "../actions.ts";
import { actionPlaces } from "../action-places.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { asProblem, Problem } from "../http/errors.ts";
import { readForm, type Form } from "./form.tsx";
import { showForm } from "./choose.tsx";
import { showLead } from "./lead.tsx";
import { frameOf } from "./page.tsx";
import { afterDoing } from "./parts/act.tsx";
import { withForm } from "./pages.ts";
import { backTo, paths } from "./paths.ts";

/** GET and POST /console/leads/{id}/<place>: the form of an action, and the action itself. */
export function actPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  for (const name of actions) {
    const path = `/console/leads/:id/${actionPlaces[name]}` as const;
    routes.post(path, (c) => act(deps, c, name, idOf(c)));
    if (withForm.includes(name))
      routes.get(path, async (c) => {
        const id = idOf(c);
        const frame = await frameOf(deps, c);
        const back = backTo(c.req.query("back"), paths.lead(id));
        return showForm(deps, c, {
          name,
          subject: { kind: "lead", id },
          frame,
          back,
          given: {},
          problem: null,
        });
      });
  }
  return routes;
}

function idOf(c: Context<AppEnv>): string {
  return c.req.param("id") ?? "";
}

/** One action, as the API would do it; then the browser goes on to where the form says. */
async function act(
  deps: AppDeps,
  c: Context<AppEnv>,
  name: ActionName,
  id: string,
): Promise<Response> {
  const form = await readForm(c);
  try {
    await performAction(deps, c, name, id, saidOf(name, bodyOf(name, form)), form.key);
  } catch (error) {
    const problem = asProblem(error);
    if (problem?.status === 422 && withForm.includes(name) && problem.parts.field !== "key")
      return showForm(deps, c, {
        name,
        subject: { kind: "lead", id },
        frame: await frameOf(deps, c),
        back: form.back(paths.lead(id)),
        given: form.fields,
        problem,
      });
    if (
      problem?.status === 409 &&
      problem.code !== "key-reused" &&
      problem.code !== "still-running"
    )
      return showLead(deps, c, id, { problem, goOn: form.back(paths.queue) });
    throw error;
  }
  return c.redirect(afterDoing(form.back(paths.lead(id)), name, id), 303);
}

/** The fields that each action's form has besides what the page showed. */
const texts: Readonly<Record<ActionName, readonly string[]>> = {
  logOutreach: ["note", "timeline"],
  accept: ["note"],
  reject: ["reason", "revisitOn", "field", "note"],
  advance: ["to", "currency", "note", "timeline"],
  handBack: ["revisitOn", "note"],
  reassign: ["to", "note"],
  pause: ["reason", "note"],
  resume: ["note"],
  decideContest: ["decision", "note"],
  decideReview: ["decision", "note"],
};

/** A form as the body of its action. */
export function bodyOf(name: ActionName, { fields, all }: Pick<Form, "fields" | "all">): object {
  const given = (field: string) => {
    const value = fields[field];
    return value === undefined || value === "" ? {} : { [field]: value };
  };
  return {
    ...Object.assign({}, ...texts[name].map(given)),
    ...(name === "logOutreach" ? attempt(fields["did"]) : {}),
    ...(name === "advance" ? amount(fields) : {}),
    ...(name === "reject" || name === "accept" || name === "advance" || name === "logOutreach"
      ? { ...whole("fitRating", fields), ...chosen("buyingSignals", all) }
      : {}),
    seen: {
      ...given("stage"),
      ...whole("cycle", fields),
      // An attempt was made whatever offer the page showed.
      ...(name === "logOutreach" ? {} : whole("round", fields)),
    },
  };
}

/** "call/no_answer", the value of one button. */
function attempt(did: string | undefined): object {
  const [channel, outcome] = (did ?? "").split("/");
  return { channel, ...(outcome === undefined || outcome === "" ? {} : { outcome }) };
}

/** A whole number; what is none goes on as it is, to be refused by name. */
function whole(field: string, fields: Form["fields"]): object {
  const value = fields[field];
  if (value === undefined || value === "") return {};
  return { [field]: /^\d{1,9}$/.test(value) ? Number(value) : value };
}

function chosen(field: string, all: Form["all"]): object {
  const values = all(field).filter((value) => value !== "");
  return values.length === 0 ? {} : { [field]: values };
}

/** "1250.50" in a currency, as minor units. */
function amount(fields: Form["fields"]): object {
  const value = fields["amount"];
  if (value === undefined || value === "") return {};
  const [, units, cents = ""] = /^(\d{1,12})(?:[.,](\d{1,2}))?$/.exec(value) ?? [];
  if (units === undefined)
    throw new Problem("invalid", { field: "amount", detail: "expected an amount such as 1250.50" });
  return { amountMinor: Number(units) * 100 + Number(cents.padEnd(2, "0")) };
}

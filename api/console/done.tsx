import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { actionDone } from "../../words/actions.ts";
import type { ApiDeps, AppEnv } from "../deps.ts";
import { asProblem } from "../http/errors.ts";
import { readLead } from "../leads.ts";
import { asking } from "./page.tsx";
import { Clock, type ReadAt } from "./parts/clock.tsx";
import { paths } from "./paths.ts";
import { sayStanding } from "./parts/standing.ts";

/** A lead that an action was just done to, as it stands now. */
export interface Done {
  readonly lead: Awaited<ReturnType<typeof readLead>>;
}

/** What the address says was done, with the lead as it stands; null when it says nothing. */
export async function doneHere(deps: ApiDeps, c: Context<AppEnv>): Promise<Done | null> {
  const action = c.req.query("did");
  const id = c.req.query("to");
  if (action === undefined || id === undefined || !Object.hasOwn(actionDone, action)) return null;
  try {
    return { lead: await readLead(deps, asking(c, "GET /leads/{id}"), id) };
  } catch (error) {
    // It went out of the reader's reach by what was done.
    if (asProblem(error)?.status === 404) return null;
    throw error;
  }
}

/** Says how the lead stands since. */
export const DoneNotice: FC<{
  readonly done: Done;
  readonly reading: ReadAt;
  readonly me: string | null;
}> = ({ done, reading, me }) => {
  const { lead } = done;
  return (
    <>
      <a href={paths.lead(lead.id)}>
        <bdi>{leadName(lead)}</bdi>
      </a>
      {`: ${sayStanding(lead, me)}.`}
      {lead.due === null ? null : (
        <>
          {" Due "}
          <Clock due={lead.due} reading={reading} />.
        </>
      )}
    </>
  );
};

/** What a lead is called: its name, else its id. */
export function leadName({ id, facts }: Pick<Done["lead"], "id" | "facts">): string {
  const text = (path: string) => {
    const value = facts[path]?.value;
    return typeof value === "string" && value !== "" ? value : null;
  };
  const parts = [text("lead.firstName"), text("lead.lastName")].filter((part) => part !== null);
  return text("lead.name") ?? (parts.length > 0 ? parts.join(" ") : id);
}

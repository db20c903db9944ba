import { allowed, type ActionName } from "../handoff/stage.ts";
import { actionPlaces } from "./action-places.ts";
import { authorisation } from "./http/authorisation.ts";
import type { Caller } from "./deps.ts";
import type { LeadState } from "./http/errors.ts";

/** What the caller can do to the lead or account now, by the stage's table and the caller's role. */
export function possibleNow(
  lead: Pick<LeadState, "stage" | "waitingOn">,
  caller: Caller,
  of: "lead" | "account" = "lead",
): ActionName[] {
  const byWait: Readonly<Record<string, readonly ActionName[]>> = allowed[lead.stage];
  return (byWait[lead.waitingOn] ?? []).filter((action) => {
    // An opportunity is opened for one of an account's people.
    if (of === "account" && action === "advance" && lead.stage === "sql") return false;
    const row = authorisation[`POST /${of}s/{id}/${actionPlaces[action]}`];
    return row !== undefined && row !== "public" && row[caller.role] !== undefined;
  });
}

import { z } from "@hono/zod-openapi";
import { stages, type Stage, type WaitingOn } from "../handoff/stage.ts";
import type { Caller } from "./deps.ts";
import { actionPlaces } from "./action-places.ts";
import { possibleNow } from "./action-routes.ts";

/** What the caller can do to a lead now, each with the address to send it to. */
export const actionsSchema = z.array(z.object({ name: z.string(), url: z.string() }));

export const seenSchema = z
  .object({ stage: z.enum(stages), cycle: z.number().int(), round: z.number().int() })
  .openapi({
    description:
      "what this page shows, to be sent back as `seen` with an action: then it is decided " +
      "for this stage and this offer, and refused when one of them is over",
  });

/** The actions that the stage's table and the caller's role allow, as an answer shows them. */
export function actionsShown(
  about: {
    readonly url: string;
    readonly stage: Stage;
    readonly waitingOn: WaitingOn;
    readonly of?: "lead" | "account";
  },
  caller: Caller,
): z.output<typeof actionsSchema> {
  const { url, stage, waitingOn, of } = about;
  return possibleNow({ stage, waitingOn }, caller, of).map((name) => ({
    name,
    url: `${url}/${actionPlaces[name]}`,
  }));
}

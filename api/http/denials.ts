import { noteDenial } from "../../store/access/denials.ts";
import type { ApiDeps, AppEnv } from "../deps.ts";
import type { Context } from "hono";
import type { Problem } from "./errors.ts";

/** The same denial is on record once in this time; who tries often is seen all the same. */
const quietMs = 600_000;
/** So many different ones of a token within that time; more would only fill the trail. */
const mostOfToken = 50;

/**
 * Notes, beside the answer, that a caller asked for what exists and is not theirs: the answer takes
 * as long as one for what does not exist.
 */
export function denials(deps: Pick<ApiDeps, "pool" | "clock" | "log">) {
  let since = 0;
  const noted = new Map<string, Set<string>>();
  return (c: Context<AppEnv>, problem: Problem): void => {
    const { sought } = problem.parts;
    const caller = c.get("caller");
    if (sought === undefined || caller === undefined) return;
    const now = deps.clock();
    if (now - since > quietMs || now < since) {
      since = now;
      noted.clear();
    }
    const ofToken = noted.get(caller.tokenId) ?? new Set();
    noted.set(caller.tokenId, ofToken);
    const route = c.get("route");
    const denial = `${route} ${sought.id}`;
    if (ofToken.has(denial) || ofToken.size >= mostOfToken) return;
    ofToken.add(denial);
    noteDenial(deps.pool, { actor: caller.repId ?? caller.tokenId, route, sought }, now).catch(
      (error: unknown) => {
        ofToken.delete(denial);
        deps.log.warn(
          { error: error instanceof Error ? error.name : "unknown" },
          "a denial could not be put on record",
        );
      },
    );
  };
}

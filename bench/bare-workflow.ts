import { condition, defineUpdate, setHandler } from "@temporalio/workflow";

/** The answer to a bare workflow; what it says does not matter. */
export const answer = defineUpdate<string, [string]>("answer");

/**
 * What the least handoff needs of Temporal: a start, one timer under way, one update that ends it.
 */
export async function bare(): Promise<string> {
  let said: string | undefined;
  setHandler(answer, (text) => (said = text));
  await condition(() => said !== undefined, "1 hour");
  return said ?? "";
}

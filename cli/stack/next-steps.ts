import { resolve } from "node:path";
import { settings } from "../../settings/settings.ts";
import type { Settings } from "../env.ts";

/** Whether the commands beside it need to be told where it is. */
export function isElsewhere({ home, port }: Place): boolean {
  return resolve(settings.BATON_HOME.fallback) !== home || Number(settings.PORT.fallback) !== port;
}

type Place = Pick<Settings, "home" | "port">;

/** What somebody does next who has just seen Baton start, in lines. */
export function nextSteps({ home, port }: Place, isNamed: boolean): string[] {
  const [example, explain, board] = [
    "npx baton lead --example",
    "npx baton explain ld_…",
    "npx baton board",
  ];
  return [
    "",
    "Once it is ready, in another " +
      `terminal${isNamed ? " with the same BATON_HOME, PORT and TEMPORAL_PORT" : ""}:`,
    `  ${example}   hand over a first lead; the answer names it`,
    `  ${explain}     what was decided about it, and why`,
    `  ${board}            which leads break next; every route: http://127.0.0.1:${port}/docs`,
    `Ctrl-C stops everything; the data stays in ${home}.`,
  ];
}

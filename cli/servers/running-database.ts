import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { clusterUrl, type Remembered } from "./cluster.ts";
import { CommandError } from "../command.ts";
import type { Settings } from "../env.ts";

/**
 * The database that commands beside a running Baton work on: `DATABASE_URL`, else the one that
 * `baton start` keeps in the data folder. Throws a `CommandError` when there is neither; whether it
 * runs is found out by connecting. The owner of the kept one may also make databases beside it.
 */
export function databaseUrlOf(
  settings: Pick<Settings, "databaseUrl" | "home">,
  as: "owner" | "app" = "app",
): string {
  if (settings.databaseUrl) return settings.databaseUrl;
  const file = join(settings.home, "postgres.json");
  if (!existsSync(file))
    throw new CommandError(
      `There is no database in ${settings.home} yet; run \`baton start\` first, set BATON_HOME ` +
        "to its data folder, or set DATABASE_URL.",
    );
  return clusterUrl(JSON.parse(readFileSync(file, "utf8")) as Remembered, as);
}

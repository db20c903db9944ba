import { parseArgs } from "node:util";
import { migrate } from "../store/migrate.ts";
import { Problem, type Command } from "./command.ts";
import { readSettings } from "./env.ts";
import { loadFirstData } from "./first-data.ts";
import { ensureSearchAttributes } from "./search-attributes.ts";
import { withPool } from "./servers.ts";

export const command: Command = {
  name: "migrate",
  summary: "bring a database and a Temporal namespace up to this version",
  usage: `baton migrate [--first-data]

Applies the migrations that the database named by DATABASE_URL has not seen and, when
TEMPORAL_ADDRESS is set, makes the missing search attributes. Safe to run twice and from several
places at once. --first-data also loads the example agreement and roster where there are none, and
makes OPERATOR_TOKEN an operator's token. "baton start" does all this by itself.`,
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: { "first-data": { type: "boolean", default: false } },
    });
    const { databaseUrl, operatorToken, temporalAddress, temporalNamespace } = readSettings();
    if (!databaseUrl)
      throw new Problem(
        "DATABASE_URL is not set; set it to the database to migrate (baton start migrates its own by itself).",
      );
    const applied: string[] = [];
    await migrate(databaseUrl, (line) => applied.push(line));
    applied.forEach((line) => io.out(line));
    if (values["first-data"])
      await withPool(databaseUrl, (pool) => loadFirstData(pool, operatorToken));
    if (temporalAddress) await ensureSearchAttributes(temporalAddress, temporalNamespace);
    io.out(
      applied.length === 0 ? "the database is up to date" : `${applied.length} migrations applied`,
    );
    return 0;
  },
};

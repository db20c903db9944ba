import { parseArgs } from "node:util";
import { grantApp } from "../../store/postgres/app-role.ts";
import { connectionBudget } from "../../store/postgres/budget.ts";
import { CommandError, type Command } from "../command.ts";
import { readSettings } from "../env.ts";
import { loadFirstData } from "../stack/first-data.ts";
import { ensureSearchAttributes } from "../servers/search-attributes.ts";
import { migrateDatabase, withPatientPool } from "../servers/servers.ts";

export const command: Command = {
  name: "migrate",
  summary: "bring a database and a Temporal namespace up to this version",
  usage: `baton migrate [--first-data] [--grant ROLE]

Applies the migrations that the database named by DATABASE_URL has not seen and, when
a Temporal server is named, makes the missing search attributes. Safe to run twice and from several
places at once. --first-data also loads the example agreement and roster where there are none, and
makes OPERATOR_TOKEN an operator's token, unless it was one and was revoked. --grant lets a role of the
database, as which worker and API connect, read and write rows; it owns nothing, and the audit trail it can
only add to. "baton start" does all this by itself.`,
  async run(args, io) {
    const { values } = parseArgs({
      args,
      options: { "first-data": { type: "boolean", default: false }, grant: { type: "string" } },
    });
    const { databaseUrl, operatorToken, temporal, embedsTemporal } = readSettings();
    if (!databaseUrl)
      throw new CommandError(
        "DATABASE_URL is not set; set it to the database to migrate (baton start migrates its " +
          "own by itself).",
      );
    const applied: string[] = [];
    const { state, sentence } = await connectionBudget(databaseUrl, {});
    if (state === "refused") throw new CommandError(sentence);
    const fit = await migrateDatabase(databaseUrl, (line) => applied.push(line));
    applied.forEach((line) => io.out(line));
    if (fit.state === "ahead") io.err(fit.sentence);
    if (values.grant !== undefined) await grantTo(databaseUrl, values.grant);
    if (values["first-data"]) {
      const isLive = await withPatientPool(databaseUrl, (pool) =>
        loadFirstData(pool, operatorToken),
      );
      if (!isLive)
        io.err("OPERATOR_TOKEN is a token that was revoked, and stays revoked; set another one.");
    }
    if (!embedsTemporal) await ensureSearchAttributes(temporal);
    io.out(
      applied.length > 0
        ? `${applied.length} migrations applied`
        : fit.state === "ahead"
          ? "nothing to apply"
          : "the database is up to date",
    );
    return 0;
  },
};

async function grantTo(databaseUrl: string, role: string): Promise<void> {
  try {
    await grantApp(databaseUrl, role);
  } catch (error) {
    if (error instanceof RangeError) throw new CommandError(`--grant: ${error.message}.`);
    throw error;
  }
}

import { parseArgs } from "node:util";
import { migrate } from "../store/migrate.ts";
import { Problem, type Command } from "./command.ts";
import { readSettings } from "./env.ts";

export const command: Command = {
  name: "migrate",
  summary: "bring the database in DATABASE_URL up to this version",
  usage: `baton migrate

Applies the migrations that the database named by DATABASE_URL has not seen. Safe to run twice and
from several places at once. \`baton start\` does it by itself.`,
  async run(args, io) {
    parseArgs({ args, options: {} });
    const { databaseUrl } = readSettings();
    if (!databaseUrl) throw new Problem("DATABASE_URL is not set; set it to the database to migrate (baton start migrates its own by itself).");
    let applied = 0;
    await migrate(databaseUrl, (line) => {
      applied += 1;
      io.out(line);
    });
    io.out(applied === 0 ? "nothing to do" : `${applied} applied`);
    return 0;
  },
};

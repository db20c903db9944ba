import { parseArgs } from "node:util";
import type { Command } from "../command.ts";
import { readSettings } from "../env.ts";
import { importFrom, importOptions, orderOf } from "./import-file.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";

export const command: Command = {
  name: "history-import",
  summary: "take in handoffs of the past from a CSV file",
  usage: `baton history-import FILE --map MAP.yaml [--dry-run] [--json]

Takes in one handoff of the past for each row, so that reports say something on the first day; the map says which
column is what (docs/import.md, "Handoffs of the past"). What has ended starts no process and nobody is told of it; what
is open goes on in its stage. Killed and called again it goes on where it stopped, and after rows were refused it reads the file again, so that a mended roster or agreement
counts; what is known already changes nothing. Rows that cannot be read, or cannot have happened, are
written to FILE.errors.csv under the file's own header, with their line, column and what was expected before them;
correct them there and import that file with the same map.
  --dry-run  reads and checks every row and stores nothing
  --json     the result as JSON
Works beside the database (DATABASE_URL, or the one in BATON_HOME). Ends with 0 when every row was taken in, with 1 when
some were refused.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: importOptions,
    });
    const order = await orderOf("history-import", positionals, values);
    return withPool(databaseUrlOf(readSettings()), (pool) =>
      importFrom(pool, order, io, "history"),
    );
  },
};

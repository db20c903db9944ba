import { parseArgs } from "node:util";
import { CommandError, type Command } from "../command.ts";
import { apiOptions } from "../api-client.ts";
import { readSettings } from "../env.ts";
import { importFrom, importOptions, orderOf } from "./import-file.ts";
import { importThroughApi } from "./import-remote.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";

export const command: Command = {
  name: "import",
  summary: "take in leads from a CSV file",
  usage: `baton import FILE --map MAP.yaml [--dry-run] [--json] [--url URL --token TOKEN]

Takes in one lead for each row; the map says which column is what (docs/import.md). Killed and called again it goes on
where it stopped; the same file with the same map changes nothing. Rows that cannot be read are written to
FILE.errors.csv under the file's own header, with their line, column and what was expected before them; correct them
there and import that file with the same map.
  --dry-run       reads and checks every row and stores nothing
  --json          the result as JSON
  --url, --token  send the file to a running API instead of the database (DATABASE_URL, or the one in BATON_HOME)
Ends with 0 when every row was taken in, with 1 when some were refused.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { ...importOptions, ...apiOptions },
    });
    const { url, token } = values;
    if ((url === undefined) !== (token === undefined))
      throw new CommandError(
        "--url and --token belong together; give both, or neither to use the database.",
      );
    const order = await orderOf("import", positionals, values);
    if (url !== undefined && token !== undefined)
      return importThroughApi({ ...order, url, token }, io);
    return withPool(databaseUrlOf(readSettings()), (pool) => importFrom(pool, order, io));
  },
};

import { parseArgs } from "node:util";
import { CommandError, type Command } from "../command.ts";
import { readSettings } from "../env.ts";
import { yamlText } from "../yaml-file.ts";
import { importFrom } from "./import-file.ts";
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
      options: {
        map: { type: "string" },
        "dry-run": { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        url: { type: "string" },
        token: { type: "string" },
      },
    });
    const [path, ...more] = positionals;
    if (path === undefined || more.length > 0)
      throw new CommandError("Name one CSV file: `baton import FILE --map MAP.yaml`.");
    if (values.map === undefined)
      throw new CommandError(
        "--map is missing; give the YAML file that says which column is what.",
      );
    if ((values.url === undefined) !== (values.token === undefined))
      throw new CommandError(
        "--url and --token belong together; give both, or neither to use the database.",
      );
    const mapText = await yamlText(values.map);
    const order = {
      path,
      mapPath: values.map,
      mapText,
      dryRun: values["dry-run"],
      json: values.json,
    };
    if (values.url !== undefined && values.token !== undefined)
      return importThroughApi({ ...order, url: values.url, token: values.token }, io);
    return withPool(databaseUrlOf(readSettings()), (pool) => importFrom(pool, order, io));
  },
};

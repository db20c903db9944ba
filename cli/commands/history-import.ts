import { parseArgs } from "node:util";
import { CommandError, type Command } from "../command.ts";
import { readSettings } from "../env.ts";
import { yamlText } from "../yaml-file.ts";
import { importFrom } from "./import-file.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";

export const command: Command = {
  name: "history-import",
  summary: "take in handoffs of the past from a CSV file",
  usage: `baton history-import FILE --map MAP.yaml [--dry-run] [--json]

Takes in one handoff of the past for each row, so that reports say something on the first day; the map says which
column is what (docs/import.md, "Handoffs of the past"). No process starts and nobody is told. Killed and called again it
goes on where it stopped, and after rows were refused it reads the file again, so that a mended roster or agreement
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
      options: {
        map: { type: "string" },
        "dry-run": { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
    const [path, ...more] = positionals;
    if (path === undefined || more.length > 0)
      throw new CommandError("Name one CSV file: `baton history-import FILE --map MAP.yaml`.");
    if (values.map === undefined)
      throw new CommandError(
        "--map is missing; give the YAML file that says which column is what.",
      );
    const mapText = await yamlText(values.map);
    const order = {
      path,
      mapPath: values.map,
      mapText,
      dryRun: values["dry-run"],
      json: values.json,
    };
    return withPool(databaseUrlOf(readSettings()), (pool) =>
      importFrom(pool, order, io, "history"),
    );
  },
};

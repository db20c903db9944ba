import { parseArgs } from "node:util";
import { agreementOf } from "../../agreement/stored.ts";
import { reportPeriod, type ReportPeriod } from "../../handoff/reviews/period.ts";
import { instantOf } from "../../handoff/time/dates.ts";
import { drawReport } from "../../messages/pictures/draw.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { plainCells, plainColumns, reportCsv } from "../../store/reports/csv.ts";
import { reportSubjects } from "../../store/reports/filters.ts";
import { goalsOf } from "../../store/reports/goals.ts";
import { reports } from "../../store/reports/registry.ts";
import {
  knowledges,
  type ReportQuestion,
  type ReportFile,
  type ReportRow,
  notOfThen,
} from "../../store/reports/report.ts";
import { CommandError, type Command } from "../command.ts";
import { readSettings } from "../env.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPatientPool } from "../servers/servers.ts";
import { conservationQuestion, printConservation } from "./report-conservation.ts";

const usage = `baton report NAME [--from TIME] [--to TIME] [--as-of TIME] [--knowledge now|then]
             [--group-by DIMENSION] [--where DIMENSION=VALUE]... [--csv | --json | --svg]

Prints the figures of a report; without a name, which reports there are. Times are ISO 8601.
  --from TIME    begin of the period; 30 days before --to when absent
  --to TIME      end of the period, not included; --as-of when absent
  --as-of TIME   as things stood then; now when absent
  --knowledge    now (as is known today) or then (as had been told by --as-of)
  --where        only these; "-" as the value asks for what is not recorded. Handoffs of flagged
                 accounts are counted where asked for: --where subject=account, --group-by subject
  --svg          its picture, to be kept as a file: baton report funnel --svg > funnel.svg
Works on DATABASE_URL, else on the database of BATON_HOME.`;

export const command: Command = {
  name: "report",
  summary: "print the figures of a report",
  usage,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        from: { type: "string" },
        to: { type: "string" },
        "as-of": { type: "string" },
        knowledge: { type: "string", default: "now" },
        "group-by": { type: "string" },
        where: { type: "string", multiple: true, default: [] },
        csv: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        svg: { type: "boolean", default: false },
      },
    });
    const [name, ...rest] = positionals;
    if (name === "conservation" && rest.length === 0)
      return await printConservation(periodOf(values), values, io);
    if (name === undefined) {
      io.out(`${"conservation".padEnd(18)} ${conservationQuestion}`);
      for (const one of reports) io.out(`${one.name.padEnd(18)} ${one.question}`);
      return 0;
    }
    const report = reports.find((one) => one.name === name);
    if (!report || rest.length > 0)
      throw new CommandError(
        `There is no report "${positionals.join(" ")}"; the reports are ` +
          `conservation, ${reports.map((one) => one.name).join(", ")}.`,
      );
    if (values.svg && report.picture === null)
      throw new CommandError(
        `The report "${report.name}" has no picture; --svg draws ` +
          `${reports.flatMap((one) => (one.picture === null ? [] : [one.name])).join(", ")}.`,
      );
    const period = periodOf(values);
    const refusal = notOfThen(report, period, Date.now());
    if (refusal !== null) throw new CommandError(`--as-of: ${inOptions(refusal)}.`);
    const question: ReportQuestion = {
      ...period,
      knowledge: oneOf("--knowledge", values.knowledge, knowledges),
      groupBy:
        values["group-by"] === undefined
          ? null
          : oneOf("--group-by", values["group-by"], report.dimensions),
      filters: Object.fromEntries(values.where.map((one) => filterOf(one, report))),
      repIds: null,
    };
    const { rows, goals } = await withPatientPool(databaseUrlOf(readSettings()), async (db) => {
      const ask = { ...question, db, agreements: createAgreements(agreementOf) };
      return {
        rows: await report.rows(ask),
        goals: values.svg ? await goalsOf(report, ask) : [],
      };
    });
    if (values.json) io.out(JSON.stringify(rows));
    else if (values.svg) io.out(drawReport({ report, question, rows, goals }));
    else if (values.csv) io.out(reportCsv(report, rows).trimEnd());
    else for (const line of tableOf(report, rows)) io.out(line);
    return 0;
  },
};

function periodOf(given: {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly "as-of"?: string | undefined;
}): ReportPeriod {
  const period = reportPeriod(
    {
      from: instant("--from", given.from),
      to: instant("--to", given.to),
      asOf: instant("--as-of", given["as-of"]),
    },
    Date.now(),
  );
  if ("field" in period)
    throw new CommandError(`${inOptions(`\`${period.field}\``)}: ${inOptions(period.detail)}.`);
  return period;
}

/** A sentence about the fields of a question, with the options by which they are given here. */
function inOptions(sentence: string): string {
  return sentence.replace(/`(from|to|asOf)`/g, (_, field: string) =>
    field === "asOf" ? "--as-of" : `--${field}`,
  );
}

function instant(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = instantOf(text);
  if (at === null)
    throw new CommandError(
      `${option} is "${text}"; expected a date such as 2026-11-20 or an instant such as ` +
        "2026-11-20T09:00:00Z.",
    );
  return at;
}

function oneOf<T extends string>(option: string, given: string, expected: readonly T[]): T {
  const found = expected.find((one) => one === given);
  if (found === undefined)
    throw new CommandError(
      `${option} is "${given}"; expected ` +
        `${expected.length === 0 ? "nothing: this report has no groups" : expected.join(", ")}.`,
    );
  return found;
}

function filterOf(text: string, report: ReportFile): [string, string] {
  const at = text.indexOf("=");
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || value === "")
    throw new CommandError(`--where is "${text}"; expected DIMENSION=VALUE.`);
  const dimension = oneOf("--where", name, report.dimensions);
  return [
    dimension,
    dimension === "subject" ? oneOf("--where subject", value, reportSubjects) : value,
  ];
}

/** The figures in columns; of a rate the counts without the interval. */
function tableOf(report: ReportFile, rows: readonly ReportRow[]): string[] {
  const all = plainColumns(report).map((name, n) => ({ name, n }));
  const shown = all.filter(({ name }) => !/\.(low|high)$/.test(name));
  const cells = [
    shown.map(({ name }) => name),
    ...rows.map((row) => {
      const plain = plainCells(report, row);
      return shown.map(({ n }) => wordOf(plain[n] ?? null));
    }),
  ];
  const widths = shown.map((_, n) => Math.max(...cells.map((line) => (line[n] ?? "").length)));
  return cells.map((line) =>
    line
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function wordOf(cell: string | number | null): string {
  if (cell === null || cell === "") return "-";
  if (typeof cell === "string") return cell.length > 60 ? `${cell.slice(0, 57)}...` : cell;
  return Number.isInteger(cell) ? String(cell) : cell.toFixed(3);
}

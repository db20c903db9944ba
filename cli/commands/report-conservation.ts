import type { ReportPeriod } from "../../handoff/reviews/period.ts";
import { stages } from "../../handoff/stage.ts";
import { conservation, type Conservation, type Listed } from "../../store/reports/conservation.ts";
import { CommandError, type Io } from "../command.ts";
import { readSettings } from "../env.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPatientPool } from "../servers/servers.ts";

export const conservationQuestion =
  "Is any lead or account lost, or without anybody and anything to come?";

/** Options of `baton report` that ask a question which this report does not answer. */
interface Asked {
  readonly "group-by"?: string | undefined;
  readonly where: readonly string[];
  readonly knowledge: string;
  readonly csv: boolean;
  readonly svg: boolean;
  readonly json: boolean;
}

/** Prints that nothing is lost, or what is; the exit code is 1 when something is not as it must be. */
export async function printConservation(
  period: ReportPeriod,
  asked: Asked,
  io: Io,
): Promise<number> {
  if (asked["group-by"] !== undefined || asked.where.length > 0 || asked.csv || asked.svg)
    throw new CommandError(
      "conservation is about all leads and accounts: it takes --from, --to, --as-of and --json; " +
        "its CSV is GET /reports/conservation.csv.",
    );
  const report = await withPatientPool(databaseUrlOf(readSettings()), (db) =>
    // What runs in Temporal is known here by the last comparison, every five minutes.
    conservation(db, period, null, null),
  );
  if (asked.json) io.out(JSON.stringify(report));
  else for (const line of linesOf(report)) io.out(line);
  return isWhole(report) ? 0 : 1;
}

function isWhole(report: Conservation): boolean {
  const { totals, accounts, recount, days } = report;
  return (
    totals.residue === 0 &&
    accounts.residue === 0 &&
    days.every(({ residue }) => residue === 0) &&
    (recount?.differences ?? 0) === 0 &&
    faults(report).every(([, listed]) => (listed?.count ?? 0) === 0)
  );
}

function faults(report: Conservation): readonly (readonly [string, Listed | null])[] {
  const { accounts } = report;
  const ofAccounts = (found: typeof accounts.astray | null): Listed | null =>
    found && { count: found.count, leads: found.accounts };
  return [
    ["Leads in another stage than their last move led to", report.astray],
    ["Leads without owner or queue", report.withoutOwner],
    ["Leads without a next step", report.withoutNextStep],
    ["Leads without a running process", report.withoutProcess],
    ["Accounts not where their last move, flag or handoff says", ofAccounts(accounts.astray)],
    ["Accounts without anybody, a queue or a next step", ofAccounts(accounts.adrift)],
    ["Accounts without a running process", ofAccounts(accounts.withoutProcess)],
  ];
}

function linesOf(report: Conservation): string[] {
  const { totals, accounts, days } = report;
  const rows = stages.map((stage) => {
    const own = days.filter((day) => day.stage === stage);
    const sum = (part: "in" | "out" | "residue") =>
      own.reduce((total, day) => total + Math.abs(day[part]), 0);
    const cells = [own[0]?.opening, sum("in"), sum("out"), own.at(-1)?.closing, sum("residue")];
    return [stage, ...cells.map((cell) => String(cell ?? 0))];
  });
  return [
    ...[["stage", "opening", "in", "out", "closing", "residue"], ...rows].map((cells) =>
      cells.map((cell, n) => (n === 0 ? cell.padEnd(14) : cell.padStart(9))).join(""),
    ),
    "",
    `${totals.takenIn} leads taken in = ${totals.open} open + ${totals.closed} closed; ` +
      `residue ${totals.residue}.`,
    `${accounts.handedOff} flags of accounts handed off = ${accounts.open} open + ` +
      `${accounts.closed} closed; residue ${accounts.residue}.`,
    ...faults(report).map(([what, listed]) =>
      listed === null
        ? `${what}: not compared yet.`
        : `${what}: ${listed.count}${listed.count > 0 ? ` (${listed.leads.slice(0, 10).join(", ")})` : ""}`,
    ),
    report.recount === null
      ? "Kept counts: counted anew once a day, not yet."
      : `Kept counts: counted anew at ${report.recount.at}, ${report.recount.differences} differences.`,
  ];
}

import { numberWords, percent } from "../../handoff/reviews/words.ts";
import type { Rate } from "../../handoff/reviews/figures.ts";
import type { ReportFile, ReportQuestion } from "../../store/reports/report.ts";
import { shortened } from "./shapes.ts";

/** What is written at the mark of a rate, the longest first. */
export function rateLabels({ rate, numerator, denominator }: Rate): string[] {
  if (rate === null) return ["no cases"];
  return [
    `${percent(rate)}, ${numberWords(numerator)} of ${numberWords(denominator)}`,
    `${percent(rate)} of ${numberWords(denominator)}`,
    percent(rate),
  ];
}

/** What the picture is of: the period, the filters by so much of their values, the groups. */
export function scopeWords(report: ReportFile, question: ReportQuestion, most = Infinity): string {
  const { from, to, asOf, filters, groupBy, knowledge } = question;
  const told = knowledge === "then" ? ", with what had been told by then" : "";
  const about = {
    "handoffs that began in it": `Handoffs that began ${periodWords(from, to)}, as of ${minute(asOf)}${told}`,
    "what happened in it": `What happened ${periodWords(from, to)}, as of ${minute(asOf)}${told}`,
    "nothing: it counts what stands at asOf": `As of ${minute(asOf)}${told}`,
  }[report.period];
  const only = Object.entries(filters).map(
    ([name, value]) => `${plain(name)} ${value === "-" ? "not recorded" : shortened(value, most)}`,
  );
  return [
    about,
    ...(only.length === 0 ? [] : [`only ${only.join(", ")}`]),
    ...(groupBy === null ? [] : [`by ${plain(groupBy)}`]),
  ].join("; ");
}

/** "leadType" as "lead type". */
const plain = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const minute = (at: number) => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** Whole days by their dates, the last one included; else to the minute. */
function periodWords(from: number, to: number): string {
  const day = 86_400_000;
  const date = (at: number) => new Date(at).toISOString().slice(0, 10);
  return from % day === 0 && to % day === 0
    ? `${date(from)} to ${date(to - day)}`
    : `${minute(from)} to ${minute(to)}`;
}

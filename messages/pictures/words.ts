import type { Rate } from "../../handoff/reviews/figures.ts";
import type { ReportFile, ReportQuestion } from "../../store/reports/report.ts";
import { shortened } from "./shapes.ts";

/** 12345 as "12,345". */
export function numberWords(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** 0.6613 as "66 %"; what is not quite none or all is not rounded to it. */
export function percent(value: number): string {
  if (value > 0 && value < 0.01) return "under 1 %";
  return `${value < 1 ? Math.min(99, Math.round(value * 100)) : 100} %`;
}

/** "61 to 70 %", the interval of a rate. */
export function interval({ low, high }: Rate): string {
  return `${Math.round((low ?? 0) * 100)} to ${Math.round((high ?? 0) * 100)} %`;
}

/** A time in hours as people say it: "41 min", "6.2 h". An open hour is no part of a day. */
export function hoursWords(hours: number): string {
  if (hours < 0) return `-${hoursWords(-hours)}`;
  if (hours < 1) return `${Math.round(hours * 60)} min`;
  return `${short(hours)} h`;
}

/** A time in days: "5.3 h", "3.4 days"; "-2 h" where the later step was taken first. */
export function daysWords(days: number): string {
  if (days < 0) return `-${daysWords(-days)}`;
  if (days < 1) return hoursWords(days * 24);
  return short(days) === "1" ? "1 day" : `${short(days)} days`;
}

function short(value: number): string {
  return value < 10 ? String(Math.round(value * 10) / 10) : numberWords(Math.round(value));
}

/** A rate with all that it was made from. */
export function rateWords(rate: Rate): string {
  if (rate.rate === null) return "no cases";
  return `${percent(rate.rate)}, ${numberWords(rate.numerator)} of ${numberWords(rate.denominator)}, interval ${interval(rate)}${rate.isSmall ? ", few cases" : ""}`;
}

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

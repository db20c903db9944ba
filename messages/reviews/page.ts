import {
  capitalised,
  counted,
  enumerated,
  numberWords,
  timesWords,
} from "../../handoff/reviews/words.ts";
import type { Proposal } from "../../handoff/reviews/proposals.ts";
import { reports } from "../../store/reports/registry.ts";
import type { ReportFile, ReportRow } from "../../store/reports/report.ts";
import type { PacketSection } from "../../store/reviews/packet.ts";
import type { ResolutionView, ReviewView } from "../../store/reviews/view.ts";
import { pictureStyle, written } from "../pictures/shapes.ts";
import { when } from "../when.ts";
import { spoken } from "../words.ts";
import {
  rowsWithRuleWords,
  rulesIn,
  rulesOfProposal,
  ruleWords,
  withRuleWords,
} from "../../words/rules.ts";
import { cellWords, columnWords, isMark, marksOf } from "./cells.ts";
import { pictureOf, spanWords, titleOf, whoSignsVersions } from "./packet-words.ts";

const css = `
:root { color-scheme: light dark; --text: light-dark(#1b1f24, #e8eaed); --dim: light-dark(#57606a, #a3adb8);
  --paper: light-dark(#ffffff, #14171a); --line: light-dark(#c9c9d1, #44444f); --late: light-dark(#a4262c, #ff9d94);
  --mark: light-dark(#f2f5f8, #1f252b); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 2.25rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h3 { font-size: 1.05rem; line-height: 1.3; margin: 1.75rem 0 .25rem; }
p { margin: .25rem 0 .75rem; max-width: 46rem; }
ol, ul { margin: .25rem 0 .75rem; padding-left: 1.5rem; } li { margin-bottom: .75rem; max-width: 46rem; } li p { margin: 0; }
.dim, .few { color: var(--dim); } .late { color: var(--late); font-weight: 600; } small { font-size: .85em; font-weight: normal; }
.wide { overflow-x: auto; margin: .5rem 0 1rem; } .wide:focus-visible { outline: 3px solid var(--line); }
.picture { display: block; width: 100%; min-width: 40rem; height: auto; }
table { border-collapse: collapse; font-size: .85rem; line-height: 1.35; min-width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); font-weight: normal; overflow-wrap: normal; }
td.word, th.word { overflow-wrap: anywhere; min-width: 6rem; }
thead th { color: var(--dim); vertical-align: bottom; } td small { display: block; color: var(--dim); white-space: nowrap; }
tr.out { background: var(--mark); } tr.out th { font-weight: 600; } tbody th small { display: block; color: var(--dim); }
.lines { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 2.5rem 2rem; margin-top: 3.5rem; }
.lines p { border-top: 1px solid var(--text); padding-top: .35rem; margin: 0; }
@page { size: A4; margin: 14mm; }
@media print { :root { color-scheme: light; } body { font-size: 10pt; } main { max-width: none; padding: 0; }
  .picture { min-width: 0; } .wide { overflow: visible; } section, tr, li, .lines { break-inside: avoid; } section.long { break-inside: auto; }
  h2, h3, section > p { break-after: avoid; } thead { display: table-header-group; } table { font-size: 8pt; } }
`;

/** The texts of the page's style elements, for a policy that allows nothing else. */
export const pageStyles: readonly string[] = [css, pictureStyle];

/**
 * The packet of a review as a page of its own, to be read and printed (A4): what was open from last
 * time, proposals, figures, decisions, signatures. No script, nothing loaded. It shows what the view
 * holds; figures about single people are taken out of it before (`forReader`).
 */
export function packetPage(review: ReviewView): string {
  const title = titleOf(review);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${written(title)}</title><style>${css}</style><style>${pictureStyle}</style></head>
<body><main>
${[heading(review), carried(review), proposals(review), figures(review), pool(review), decisions(review), signatures(review)].filter((part) => part !== "").join("\n")}
</main></body></html>
`;
}

function heading(review: ReviewView): string {
  const { figures: found, zone, dueAt, state, closedAt, signaturesNeeded } = review;
  const about =
    found === null
      ? ""
      : `Figures of ${spanWords(found, zone)}, as they stood ${when(found.packet.asOf, zone)}, ` +
        `under version ${found.packet.agreement.number} of the agreement${whoSignsVersions(found.packet)}. `;
  const due =
    state === "closed"
      ? `Closed${closedAt === null ? "" : ` ${when(closedAt, zone)}`}.`
      : `${signaturesNeeded === 0 ? "Due" : "To be signed by"} ${when(dueAt, zone)}.`;
  return (
    `<h1>${written(capitalised(titleOf(review)))}</h1>\n<p ` +
    `class="dim">${written(about + due)}</p>`
  );
}

function carried({ carried: open, kind }: ReviewView): string {
  const list =
    open.length === 0
      ? `<p>Nothing was open from earlier ${kind} reviews.</p>`
      : `<ul>${open.map(resolution).join("")}</ul>`;
  return `<h2>Open from last time</h2>\n${list}`;
}

function resolution(one: ResolutionView): string {
  const { text, owner, ownerName, dueOn, isOverdue, state, note, period, carried: times } = one;
  const ended = state === "open" ? "" : `, ${state}${note === null ? "" : `: ${note}`}`;
  const due = `due ${dueOn}${times === 0 ? "" : `, carried on ${timesWords(times)}`}`;
  return `<li><p>${written(text)}</p><p class="dim">${written(ownerName ?? spoken(owner))}, <span${isOverdue ? ' class="late"' : ""}>${written(due)}${isOverdue ? ", overdue" : ""}</span>, from ${written(period)}${written(ended)}</p></li>`;
}

function proposals({ figures: found }: ReviewView): string {
  if (found === null) return "";
  const list = found.packet.proposals;
  return `<h2>Proposals</h2>\n${
    list.length === 0
      ? "<p>None: nothing in the figures stands out enough to propose a change.</p>"
      : `<ol>${list.map(proposal).join("")}</ol>`
  }`;
}

function proposal(one: Proposal): string {
  const { title, because, wouldHaveChanged, rules, report } = one;
  const said = (words: string) => withRuleWords(words, rulesOfProposal(one));
  const points = rules.length === 0 ? "" : ` It points at ${enumerated(rules.map(ruleWords))}.`;
  return `<li><p><strong>${written(said(title))}</strong></p><p>${unbroken(said(`${because} ${wouldHaveChanged}`))}</p><p class="dim">${written(`Report: ${report}.${points}`)}</p></li>`;
}

function figures({ figures: found, zone }: ReviewView): string {
  if (found === null) return "";
  return `<h2>Figures</h2>
<p class="dim">A rate stands with its counts and its 95 % interval; below 30 cases it is grey, and the counts say more. “Young” is what will still rise.</p>
${found.packet.sections.map((one) => section(one, zone)).join("\n")}`;
}

/** A table so long that it may be broken between pages. */
const longTable = 14;
/** Lines that are shown; the report has the others. */
const mostRows = 60;

function section(one: PacketSection, zone: string): string {
  const { title, paragraph, rows } = one;
  const report = reports.find(({ name }) => name === one.report);
  const picture = pictureOf(one);
  return `<section${rows.length > longTable ? ' class="long"' : ""}><h3>${written(title)}</h3>
<p class="dim">${written(`${picture === null ? `${one.question} ` : ""}${capitalised(spanWords(one, zone))}.`)}</p>
<p>${unbroken(withRuleWords(paragraph, rulesIn(rows)))}</p>
${picture === null ? "" : region(`picture: ${title}`, picture)}
${report === undefined || rows.length === 0 ? "" : region(`table: ${title}`, table(one, report))}</section>`;
}

/** Written so that no number stands without its per cent. */
const unbroken = (words: string) => written(words).replaceAll(" %", "&nbsp;%");

/** What is wider than a small screen is moved sideways, by keys too. */
const region = (label: string, html: string) =>
  `<div class="wide" role="region" tabindex="0" aria-label="${written(label)}">${html}</div>`;

function table(one: PacketSection, report: ReportFile): string {
  const columns = one.shown.filter((name) => !isMark(name) && report.columns[name] !== undefined);
  const names = one.groupBy === null ? columns : ["group", ...columns];
  const head = names.map((name) => {
    const words = name === "group" && one.groupBy !== null ? one.groupBy : name;
    return (
      `<th scope="col" class="${isWord(report, name) ? "word" : ""}" ` +
      `title="${written(report.columns[name]?.meaning ?? "")}">${written(columnWords(words))}</th>`
    );
  });
  const rows = rowsWithRuleWords(one.rows.slice(0, mostRows));
  const more = one.rows.length - rows.length;
  return `<table><thead><tr>${head.join("")}</tr></thead><tbody>${rows.map((row) => line(row, names, report)).join("")}</tbody></table>${
    more === 0
      ? ""
      : "<p " +
        `class="dim">${written(`${counted(more, "more line")} in the report ${one.report}.`)}</p>`
  }`;
}

const isWord = ({ columns }: ReportFile, name: string) =>
  ["text", "list"].includes(columns[name]?.kind ?? "");

function line(row: ReportRow, names: readonly string[], report: ReportFile): string {
  const said = marksOf(row);
  const isTotal = report.name === "rejections" && row["reason"] === null;
  const cells = names.map((name, n) => {
    const column = report.columns[name];
    const { words, more, isFew } = cellWords(column?.kind ?? "text", row[name] ?? null);
    const shown = words === "" && n === 0 ? (isTotal ? "all" : "not recorded") : words;
    const small = [more, ...(n === 0 ? said : [])].filter((one) => one !== undefined);
    const kind = [isFew ? "few" : "", isWord(report, name) ? "word" : ""].join(" ").trim();
    const tag = n === 0 ? "th" : "td";
    return `<${tag}${n === 0 ? ' scope="row"' : ""}${kind === "" ? "" : ` class="${kind}"`}>${written(shown)}${small.map((one) => `<small>${written(one)}</small>`).join("")}</${tag}>`;
  });
  return `<tr${row["standsOut"] === true || row["isWorse"] === true ? ' class="out"' : ""}>${cells.join("")}</tr>`;
}

function pool({ pool: found }: ReviewView): string {
  if (found === null) return "";
  const { leads, undecided, suggestions, decisions: made, reviewer } = found;
  const counts = (of: typeof made) => `keep ${of.keep}, return ${of.return}, retire ${of.retire}`;
  return `<h2>The re-nurture pool, lead by lead</h2>\n<p>${written(
    `${counted(leads, "lead was", "leads were")} in the pool when the review opened; ` +
      `${numberWords(undecided)} wait for a decision of ${reviewer}. Suggested: ` +
      `${counts(suggestions)}. Decided: ${counts(made)}.`,
  )}</p>`;
}

function decisions({ resolutions, state }: ReviewView): string {
  const list = resolutions.map(resolution).join("");
  const rows = [1, 2, 3]
    .map(() => '<tr><th scope="row">&nbsp;</th><td></td><td></td></tr>')
    .join("");
  const empty =
    state === "closed"
      ? resolutions.length === 0
        ? "<p>None were written down.</p>"
        : ""
      : `<table><thead><tr><th scope="col">decision</th><th scope="col">owner</th><th ` +
        `scope="col">due</th></tr></thead><tbody>${rows}</tbody></table>`;
  return `<section><h2>Decisions</h2>\n${list === "" ? "" : `<ul>${list}</ul>`}${empty}</section>`;
}

function signatures({ signatures: given, zone, signaturesNeeded }: ReviewView): string {
  const line = (party: string) => {
    const one = given.find((found) => found.party === party);
    const by = one === undefined ? "" : `: ${one.name ?? one.by}, ${when(one.at, zone)}`;
    return `<p>${written(`for ${party}${by}`)}</p>`;
  };
  const needs = { 0: "It needs no signature.", 1: "It needs one signature.", 2: "" }[
    signaturesNeeded
  ];
  return (
    `<section><h2>Signatures</h2>\n${needs === "" ? "" : `<p class="dim">${needs}</p>`}<div ` +
    `class="lines">${["marketing", "sales"].map(line).join("")}</div></section>`
  );
}

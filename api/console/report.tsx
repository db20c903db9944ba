import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { columnWords } from "../../messages/reviews/cells.ts";
import { rulesIn, withRuleWords } from "../../words/rules.ts";
import { sayMoment } from "../../words/clock.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import { notFound } from "../http/errors.ts";
import { readReport, readReportCsv, readReportPicture, readReports } from "../reports.ts";
import { asking, frameOf, Page, show, type Frame } from "./page.tsx";
import { FigureTable, ReportPicture, type DescribedReport } from "./parts/figure.tsx";
import {
  asAsked,
  daysHere,
  daysOf,
  sayDays,
  lastDays,
  lastMonths,
  type Days,
} from "./parts/period.ts";
import { paths, withQuery } from "./paths.ts";

type Figures = Awaited<ReturnType<typeof readReport>>;

/** GET /console/reports/{name}: a report in a sentence, as a picture and as a table. */
export function reportPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get("/console/reports/:name", async (c) => {
    const report = reportHere(c);
    const asked = askedHere(c, report);
    const asker = asking(c, `GET /reports/${report.name}`);
    const [figures, frame] = await Promise.all([
      readReport(deps, c, asker, report.name, { ...apiQuery(asked, report), compare: "before" }),
      frameOf(deps, c),
    ]);
    return show(c, <ReportPage {...{ report, asked, figures, frame, now: c.var.receivedAt }} />);
  });
  routes.get("/console/reports/:name/picture", (c) => {
    const report = reportHere(c);
    const asker = asking(c, `GET /reports/${report.name}`);
    return readReportPicture(deps, c, asker, report.name, apiQuery(askedHere(c, report), report));
  });
  routes.get("/console/reports/:name/table", (c) => {
    const report = reportHere(c);
    const asker = asking(c, `GET /reports/${report.name}`);
    return readReportCsv(deps, c, asker, report.name, apiQuery(askedHere(c, report), report));
  });
  return routes;
}

function reportHere(c: Context<AppEnv>): DescribedReport {
  const report = readReports().reports.find(({ name }) => name === c.req.param("name"));
  if (report === undefined) throw notFound();
  return report;
}

/** What the address asks. */
interface Asked {
  readonly days: Days;
  readonly groupBy: string | null;
  readonly knowledge: string | null;
  readonly filters: Readonly<Record<string, string>>;
}

function askedHere(c: Context<AppEnv>, { dimensions }: DescribedReport): Asked {
  const given = (name: string) => c.req.query(name)?.trim() || null;
  return {
    days: daysHere(c),
    groupBy: given("groupBy"),
    knowledge: given("knowledge"),
    filters: Object.fromEntries(
      dimensions.flatMap((name) => {
        const value = given(name);
        return value === null ? [] : [[name, value]];
      }),
    ),
  };
}

const countsNow = "nothing: it counts what stands at asOf";

function apiQuery(
  { days, groupBy, knowledge, filters }: Asked,
  { period }: DescribedReport,
): Readonly<Record<string, string>> {
  return {
    ...(period === countsNow ? {} : asAsked(days)),
    ...filters,
    ...(groupBy === null ? {} : { groupBy }),
    ...(knowledge === null ? {} : { knowledge }),
  };
}

/** The same question at another address, changed by `more`; null takes a part away. */
function addressOf(
  path: string,
  { days, groupBy, knowledge, filters }: Asked,
  more: Readonly<Record<string, string | null>> = {},
): string {
  return withQuery(path, { ...days, ...filters, groupBy, knowledge, ...more });
}

interface Props {
  readonly report: DescribedReport;
  readonly asked: Asked;
  readonly figures: Figures;
  readonly frame: Frame;
  readonly now: number;
}

const ReportPage: FC<Props> = (props) => {
  const { report, asked, figures, frame, now } = props;
  const { rows } = figures;
  const isYoung = rows.some((row) => row["isImmature"] === true);
  const here = paths.report(report.name);
  const hasRows = rows.length > 0;
  return (
    <Page title={report.question} frame={frame} isPrinted>
      <p class="dim places">
        <a href={withQuery(paths.figures, { ...asked.days })} data-key="u">
          Figures
        </a>
      </p>
      <h1>{report.question}</h1>
      <p class="answer">
        {withRuleWords(figures.inWords, rulesIn(rows))}
        {isYoung && !/young/i.test(figures.inWords)
          ? " A young cohort: many are not decided yet, and the rates will still rise."
          : ""}
      </p>
      <p class="dim">{aboutWords(props, now, frame.zone ?? "UTC")}</p>
      <Chosen {...props} />
      <Ask {...props} />
      {report.hasPicture && hasRows ? (
        <ReportPicture
          src={addressOf(paths.reportPicture(report.name), asked)}
          words={report.question}
        />
      ) : null}
      {hasRows ? (
        <FigureTable
          label={report.question}
          report={report}
          rows={rows}
          people={figures.people}
          groupBy={figures.groupBy}
          opensLeads={scopeOf("GET /leads", frame.caller.role) !== undefined}
          {...(figures.groupBy === null
            ? {}
            : {
                ofGroup: (group: string | null) =>
                  addressOf(here, asked, { [figures.groupBy ?? ""]: group ?? "-", groupBy: null }),
              })}
        />
      ) : (
        <p>Nothing to count for this question. Take a longer time, or fewer filters.</p>
      )}
      <p class="actions">
        <a class="button" href={addressOf(paths.reportTable(report.name), asked)}>
          Table as CSV
        </a>
      </p>
      <HowCounted report={report} />
    </Page>
  );
};

function aboutWords({ report, asked, figures }: Props, now: number, zone: string): string {
  const asOf = sayMoment(Date.parse(figures.asOf), now, zone);
  const told = figures.knowledge === "then" ? ", with what had been told by then" : "";
  if (report.period === countsNow) return `As of ${asOf}${told}.`;
  const begun = report.period === "handoffs that began in it" ? "Handoffs begun" : "What happened";
  const { before } = figures;
  const against =
    before === null
      ? ""
      : ` Compared with ${sayDays(daysOf(before))}, as it stood ${sayMoment(Date.parse(before.asOf), now, zone)}.`;
  return `${begun} ${sayDays(asked.days)}, as of ${asOf}${told}.${against}`;
}

/** The filters that hold, each with a link that takes it away. */
const Chosen: FC<Props> = ({ report, asked }) => {
  const entries = Object.entries(asked.filters);
  if (entries.length === 0) return null;
  const path = paths.report(report.name);
  return (
    <nav class="spans" aria-label="Filters">
      <ul>
        {entries.map(([name, value]) => (
          <li>
            <a href={addressOf(path, asked, { [name]: null })}>
              {`only ${columnWords(name)} `}
              <bdi>{value === "-" ? "not recorded" : value}</bdi>
              <span class="visually-hidden">, take this filter away</span>
              <span aria-hidden="true"> ×</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
};

/** The times as links; days, groups and what was known as a form that asks anew. */
const Ask: FC<Props> = ({ report, asked, frame, now }) => {
  const path = paths.report(report.name);
  const hasTime = report.period !== countsNow;
  const maySeePeople = scopeOf("GET /reports/reps", frame.caller.role) !== undefined;
  const groups = report.dimensions.filter((name) => name !== "rep" || maySeePeople);
  const spans: readonly (readonly [string, Days])[] = [
    ["last 30 days", lastDays(30, now)],
    ["last 13 weeks", lastDays(91, now)],
    ["last 12 months", lastDays(365, now)],
    ...lastMonths(3, now).map((month) => [sayDays(month), month] as const),
  ];
  return (
    <>
      {hasTime ? (
        <nav class="spans" aria-label="Time">
          <ul>
            {spans.map(([words, span]) => (
              <li>
                <a
                  href={addressOf(path, asked, { from: span.from, to: span.to })}
                  aria-current={
                    span.from === asked.days.from && span.to === asked.days.to ? "true" : undefined
                  }
                >
                  {words}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      ) : null}
      <form method="get" action={path} class="filters">
        {Object.entries(asked.filters).map(([name, value]) => (
          <input type="hidden" name={name} value={value} />
        ))}
        {hasTime ? (
          <>
            <span class="field">
              <label for="from">From</label>
              <input id="from" name="from" type="date" value={asked.days.from} required />
            </span>
            <span class="field">
              <label for="to">To, included</label>
              <input id="to" name="to" type="date" value={asked.days.to} required />
            </span>
          </>
        ) : null}
        {groups.length === 0 ? null : (
          <span class="field">
            <label for="groupBy">By</label>
            <select id="groupBy" name="groupBy">
              <option value="">all together</option>
              {groups.map((name) => (
                <option value={name} selected={asked.groupBy === name}>
                  {columnWords(name)}
                </option>
              ))}
            </select>
          </span>
        )}
        {hasTime ? (
          <span class="field">
            <label for="knowledge">Known</label>
            <select id="knowledge" name="knowledge">
              <option value="">today</option>
              <option value="then" selected={asked.knowledge === "then"}>
                as had been told by then
              </option>
            </select>
          </span>
        ) : null}
        <button class="main">Show</button>
      </form>
    </>
  );
};

const HowCounted: FC<{ readonly report: DescribedReport }> = ({ report }) => (
  <details class="how">
    <summary>How it is counted</summary>
    <p>
      {report.period === countsNow
        ? "It counts what stands at that moment."
        : `It counts ${report.period === "handoffs that began in it" ? "handoffs that began in these days, and what had become of them by then" : "what happened in these days"}. Days are of UTC, both included.`}{" "}
      A rate stands with its counts and its 95 % interval (Wilson). Below 30 cases the counts come
      first, in grey: so few say little. “Young” is what is not decided yet and will still change.
    </p>
    <dl class="known">
      {report.columns.map(({ name, meaning }) => (
        <>
          <dt>{columnWords(name)}</dt>
          <dd>{meaning}</dd>
        </>
      ))}
    </dl>
    {report.metrics.length === 0 ? null : (
      <p class="dim">
        {`It shows: ${report.metrics.map(({ name, column }) => `${name} (${columnWords(column)})`).join("; ")}.`}
      </p>
    )}
  </details>
);

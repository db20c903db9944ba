import type { Context } from "hono";
import type { FC } from "hono/jsx";
import type { Rate } from "../../handoff/reviews/figures.ts";
import {
  capitalised,
  counted,
  enumerated,
  hoursWords,
  numberWords,
  percent,
} from "../../handoff/reviews/words.ts";
import type { ReportRow } from "../../store/reports/report.ts";
import { ruleWords } from "../../words/rules.ts";
import { sayMoment } from "../../words/clock.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import { keptConservation, readReport, readReports } from "../reports.ts";
import { asking, frameOf, Page, show, type Frame } from "./page.tsx";
import { leadsPath, RateWords, wordIn, type DescribedReport } from "./parts/figure.tsx";
import { asAsked, daysHere, sayDays, lastDays, lastMonths, type Days } from "./parts/period.ts";
import { paths, withQuery } from "./paths.ts";

/** GET /console/figures: whether we hand over well, at one glance. */
export function figuresPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.figures, async (c) => {
    const [frame, figures] = await Promise.all([frameOf(deps, c), figuresHere(deps, c)]);
    return show(c, <FiguresPage frame={frame} {...figures} now={c.var.receivedAt} />);
  });
  return routes;
}

type Rows = readonly ReportRow[];

interface Figures {
  readonly days: Days;
  /** Null: of all sources. */
  readonly source: string | null;
  readonly asOf: number;
  readonly funnel: Rows;
  readonly rejections: Rows;
  readonly clocks: Rows;
  readonly clocksByWeek: Rows;
  readonly response: ReportRow | undefined;
  /** Of the same time, whatever the source. */
  readonly sources: Rows;
  /** Null for who may not read it. */
  readonly lost: Awaited<ReturnType<typeof keptConservation>> | null;
  readonly all: readonly DescribedReport[];
  /** Whether the reader may open leads. */
  readonly opens: boolean;
}

async function figuresHere(deps: AppDeps, c: Context<AppEnv>): Promise<Figures> {
  const days = daysHere(c);
  const source = c.req.query("source")?.trim() || null;
  const only = source === null ? {} : { source };
  const { receivedAt: now, caller } = c.var;
  const read = async (name: string, more: Readonly<Record<string, string>>) =>
    (
      await readReport(deps, c, asking(c, `GET /reports/${name}`), name, {
        ...asAsked(days),
        ...only,
        ...more,
      })
    ).rows;
  const asked = asAsked(days);
  const maySeeLost = scopeOf("GET /reports/conservation", caller.role) !== undefined;
  const hasBegun = Date.parse(asked.from) < now;
  const [one, other] = await Promise.all([
    inTurn({
      funnel: () => read("funnel", {}),
      clocks: () => read("sla", {}),
      sources: async () => {
        const context = asking(c, "GET /reports/acceptance");
        return (await readReport(deps, c, context, "acceptance", { ...asked, groupBy: "source" }))
          .rows;
      },
    }),
    inTurn({
      rejections: () => read("rejections", {}),
      clocksByWeek: () =>
        read("sla", { ...asAsked(lastDays(13 * 7, Date.parse(days.to))), groupBy: "week" }),
      responses: () => read("first-response", {}),
    }),
  ]);
  const to = Math.min(Date.parse(asked.to), now);
  const lost =
    maySeeLost && hasBegun
      ? await keptConservation(deps, c, { from: Date.parse(asked.from), to, asOf: now })
      : null;
  const all = readReports().reports.filter(
    ({ name }) => scopeOf(`GET /reports/${name}`, caller.role) !== undefined,
  );
  const { responses, ...others } = other;
  const told = { ...one, ...others, response: responses[0], lost, all };
  const opens = scopeOf("GET /leads", caller.role) !== undefined;
  return { days, source, asOf: now, opens, ...told };
}

/**
 * One after the other: a page that asked all its reports at once would keep everybody else from the
 * database.
 */
async function inTurn<K extends string>(
  asks: Readonly<Record<K, () => Promise<Rows>>>,
): Promise<Readonly<Record<K, Rows>>> {
  const found: Partial<Record<K, Rows>> = {};
  for (const name of Object.keys(asks) as K[]) found[name] = await asks[name]();
  return found as Record<K, Rows>;
}

const FiguresPage: FC<Figures & { readonly frame: Frame; readonly now: number }> = (props) => {
  const { frame, days, source, asOf, funnel, now } = props;
  const isYoung = funnel.some((row) => row["isImmature"] === true);
  const zone = frame.zone ?? "UTC";
  return (
    <Page title="Figures" frame={frame} isPrinted>
      <h1>Do we hand over well?</h1>
      <p class="lead">
        {`Handoffs begun ${sayDays(days)}${source === null ? "" : `, from ${source === "-" ? "no recorded source" : source}`}, and what had become of them by ${sayMoment(asOf, now, zone)}.`}
        {isYoung ? " A young cohort: many are not decided yet, and the rates will still rise." : ""}
      </p>
      <Filters {...props} />
      <HowFar {...props} />
      <WhyNo {...props} />
      <OnTime {...props} />
      <NothingLost {...props} />
      <h2 id="all" class="screen-only">
        All reports
      </h2>
      <ul class="reports screen-only">
        {props.all.map(({ name, question }) => (
          <li>
            <a href={toReport(props, name)}>{question}</a>
          </li>
        ))}
      </ul>
    </Page>
  );
};

/** A report about the same days and source. */
function toReport(
  { days, source }: Pick<Figures, "days" | "source">,
  name: string,
  more: Readonly<Record<string, string>> = {},
): string {
  return withQuery(paths.report(name), { ...days, source, ...more });
}

const Filters: FC<Figures & { readonly now: number }> = ({ days, source, sources, now }) => {
  const spans: readonly (readonly [string, Days])[] = [
    ["last 30 days", lastDays(30, now)],
    ["last 13 weeks", lastDays(91, now)],
    ...lastMonths(4, now).map((month) => [sayDays(month), month] as const),
  ];
  const names = sources.map((row) => (row["group"] as string | null) ?? "-");
  const shown = [...new Set([...names.slice(0, 8), ...(source === null ? [] : [source])])];
  return (
    <>
      <nav class="spans" aria-label="Time">
        <ul>
          {spans.map(([words, span]) => (
            <li>
              <a
                href={withQuery(paths.figures, { ...span, source })}
                aria-current={span.from === days.from && span.to === days.to ? "true" : undefined}
              >
                {words}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <nav class="spans" aria-label="Source">
        <ul>
          <li>
            <a
              href={withQuery(paths.figures, { ...days })}
              aria-current={source === null ? "true" : undefined}
            >
              all sources
            </a>
          </li>
          {shown.map((name) => (
            <li>
              <a
                href={withQuery(paths.figures, { ...days, source: name })}
                aria-current={source === name ? "true" : undefined}
              >
                <bdi>{name === "-" ? "not recorded" : name}</bdi>
              </a>
            </li>
          ))}
        </ul>
      </nav>
    </>
  );
};

/** The steps that are shown here, what they are called, and of what the rate beside each is. */
const steps: readonly (readonly [
  string,
  string,
  "ofMql" | "ofHandedOff" | "ofStepBefore" | null,
])[] = [
  ["mql", "MQL", null],
  ["handed-off", "Handed off", "ofMql"],
  ["first-outreach", "First outreach", "ofHandedOff"],
  ["sal", "Accepted (SAL)", "ofHandedOff"],
  ["sql", "SQL", "ofStepBefore"],
  ["opportunity", "Opportunity", "ofStepBefore"],
];
const ofWhat: Readonly<Record<string, string>> = {
  "handed-off": "MQL",
  "first-outreach": "handoff",
  sal: "handoff",
  sql: "SAL",
  opportunity: "SQL",
};

const HowFar: FC<Figures> = (props) => {
  const rows = steps.flatMap(([step, words, of]) => {
    const row = props.funnel.find((one) => one["step"] === step);
    return row === undefined ? [] : [{ step, words, row, of }];
  });
  const most = Math.max(1, ...rows.map(({ row }) => row["count"] as number));
  return (
    <section aria-labelledby="far">
      <h2 id="far">
        <a href={toReport(props, "funnel")}>How far they got</a>
      </h2>
      {rows.every(({ row }) => row["count"] === 0) ? (
        <p>No handoff began in this time. Choose another time or source above.</p>
      ) : (
        <table class="steps" aria-labelledby="far">
          <thead class="visually-hidden">
            <tr>
              <th scope="col">Step</th>
              <th scope="col">Handoffs</th>
              <th scope="col">Share</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ step, words, row, of }) => (
              <tr>
                <th scope="row">{words}</th>
                <td>
                  <strong>{numberWords(row["count"] as number)}</strong>
                  <Bar share={(row["count"] as number) / most} />
                </td>
                <td>
                  {of === null ? null : (
                    <RateWords rate={row[of] as Rate} of={ofWhat[step] ?? "handoff"} />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
};

const Bar: FC<{ readonly share: number }> = ({ share }) => (
  <svg class="bar-line" width="100%" height="18" aria-hidden="true">
    <rect class="all" width="100%" height="18" rx="3" />
    <rect class="part" width={`${Math.round(share * 1000) / 10}%`} height="18" rx="3" />
  </svg>
);

const mostReasons = 6;

const WhyNo: FC<Figures> = (props) => {
  const total = props.rejections.find((row) => row["reason"] === null)?.["count"] as
    number | undefined;
  const reasons = props.rejections
    .filter((row) => row["reason"] !== null)
    .toSorted((a, b) => (b["count"] as number) - (a["count"] as number));
  return (
    <section aria-labelledby="no">
      <h2 id="no">
        <a href={toReport(props, "rejections")}>Why sales said no</a>
      </h2>
      {total === undefined || total === 0 ? (
        <p>Nothing was rejected.</p>
      ) : (
        <ul class="reasons">
          {reasons.slice(0, mostReasons).map((row) => (
            <Reason row={row} total={total} opens={props.opens} />
          ))}
          {reasons.length > mostReasons ? (
            <li>
              <a href={toReport(props, "rejections")}>
                {capitalised(counted(reasons.length - mostReasons, "more reason"))}
              </a>
            </li>
          ) : null}
        </ul>
      )}
    </section>
  );
};

/** "below company size 41 of 141, 3 fewer than before, 2 contested; see icp". */
const Reason: FC<{ readonly row: ReportRow; readonly total: number; readonly opens: boolean }> = ({
  row,
  total,
  opens,
}) => {
  const made = row["count"] as number;
  const change = made - (row["previous"] as number);
  const contested = (row["contested"] as Rate).numerator;
  const accused = row["accused"] as readonly string[];
  const ids = row["leads"] as readonly string[];
  const name = <bdi>{wordIn(row, "reason").replaceAll("-", " ")}</bdi>;
  return (
    <li>
      {opens && ids.length > 0 ? <a href={leadsPath(ids)}>{name}</a> : <strong>{name}</strong>}
      {` ${numberWords(made)} of ${numberWords(total)}`}
      <span class="dim">
        {`, ${change === 0 ? "as many as before" : `${numberWords(Math.abs(change))} ${change > 0 ? "more" : "fewer"} than before`}`}
        {contested === 0 ? "" : `, ${contested} contested`}
        {accused.length === 0 ? "" : `; points at ${enumerated(accused.map(ruleWords))}`}
      </span>
      {row["standsOut"] === true ? <strong class="soon"> stands out</strong> : null}
    </li>
  );
};

const OnTime: FC<Figures> = (props) => {
  const { clocks, response } = props;
  const [human, system] = ["medianHumanOpen", "medianSystemOpen"].map(
    (name) => (response?.[name] ?? null) as number | null,
  );
  return (
    <section aria-labelledby="time">
      <h2 id="time">
        <a href={toReport(props, "sla")}>On time</a>
      </h2>
      {clocks.length === 0 ? <p>No clock ran.</p> : null}
      <ul class="reasons">
        {clocks.map((row) => (
          <li>
            {`${capitalised(wordIn(row, "clock"))} `}
            <RateWords rate={row["onTimeRate"] as Rate} of="decided clock" />{" "}
            <Trend rows={props.clocksByWeek.filter((one) => one["clock"] === row["clock"])} />
          </li>
        ))}
        {human === null || human === undefined ? null : (
          <li>
            <a href={toReport(props, "first-response")}>First outreach</a>
            {` half within ${hoursWords(human)} of the offer`}
            <span class="dim">
              {system === null || system === undefined
                ? ", open hours"
                : `, and ${hoursWords(system)} before it for qualifying and routing; open hours`}
            </span>
          </li>
        )}
      </ul>
    </section>
  );
};

/** Rates week by week as a line, with the first and the last in words. */
const Trend: FC<{ readonly rows: Rows }> = ({ rows }) => {
  const points = rows.flatMap((row) => {
    const { rate, isSmall } = row["onTimeRate"] as Rate;
    return rate === null ? [] : [{ week: wordIn(row, "group"), rate, isSmall }];
  });
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const x = (n: number) => 2 + (n * 116) / (points.length - 1);
  const y = (rate: number) => 22 - rate * 20;
  const words = `week by week: ${points.map(({ week, rate }) => `${week} ${percent(rate)}`).join(", ")}`;
  return (
    <>
      <svg class="trend" width="120" height="24" role="img" aria-label={words}>
        <polyline points={points.map(({ rate }, n) => `${x(n)},${y(rate)}`).join(" ")} />
        <circle cx={x(points.length - 1)} cy={y(last.rate)} r="3" />
      </svg>
      <small class="dim">
        {` ${counted(points.length, "week")}`}
        {first.isSmall || last.isSmall ? "" : `, ${percent(first.rate)} to ${percent(last.rate)}`}
      </small>
    </>
  );
};

const NothingLost: FC<Figures> = ({ lost, opens }) => {
  if (lost === null) return null;
  const { totals, withoutOwner, withoutNextStep, astray, accounts } = lost;
  const parts = [
    ["residue", totals.residue, []],
    ["no owner", withoutOwner.count, withoutOwner.leads],
    ["no next step", withoutNextStep.count, withoutNextStep.leads],
    ["astray", astray.count, astray.leads],
    // What is wrong with one of them is in the JSON of the report.
    ["accounts", accounts.residue + accounts.astray.count + accounts.adrift.count, []],
  ] as const;
  return (
    <section aria-labelledby="lost">
      <h2 id="lost">{parts.some(([, n]) => n !== 0) ? "Something is lost" : "Nothing lost"}</h2>
      <p>
        {`${counted(totals.takenIn, "lead")} taken in: ${numberWords(totals.open)} open, ${numberWords(totals.closed)} closed. `}
        {accounts.handedOff === 0
          ? ""
          : `${counted(accounts.handedOff, "account flag")} handed off: ${numberWords(accounts.open)} open, ${numberWords(accounts.closed)} closed. `}
        {parts.map(([words, n, ids], place) => (
          <>
            {place === 0 ? "" : " · "}
            <span class={n === 0 ? "dim" : "late"}>
              {`${words} `}
              {opens && ids.length > 0 ? <a href={leadsPath(ids)}>{n}</a> : n}
            </span>
          </>
        ))}
      </p>
    </section>
  );
};

import type { Context } from "hono";
import type { FC } from "hono/jsx";
import type { Rate } from "../../handoff/reviews/figures.ts";
import { counted, enumerated, numberWords } from "../../handoff/reviews/words.ts";
import { capital } from "../../messages/words.ts";
import type { ReportRow } from "../../store/reports/report.ts";
import { sayMoment } from "../../words/clock.ts";
import { withFieldNames } from "../../words/trace.ts";
import { readActiveAgreement, readVersions } from "../agreement.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { scopeOf } from "../http/authorisation.ts";
import { readReport } from "../reports.ts";
import { asking, frameOf, Page, show, type Frame } from "./page.tsx";
import type { ReadAt } from "./parts/clock.tsx";
import { RateWords, Region, wordIn } from "./parts/figure.tsx";
import { More } from "./parts/list.tsx";
import { asAsked, lastDays, type Days } from "./parts/period.ts";
import { paths, withQuery } from "./paths.ts";

type Active = Awaited<ReturnType<typeof readActiveAgreement>>;
type Versions = Awaited<ReturnType<typeof readVersions>>;
type Version = Versions["items"][number];

/** GET /console/agreement: what we promise, what each rule let through, and the versions. */
export function agreementPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.agreement, async (c) => {
    const cursor = c.req.query("cursor");
    const days = lastDays(91, c.var.receivedAt);
    const [active, versions, rules, frame] = await Promise.all([
      readActiveAgreement(deps),
      readVersions(deps, cursor === undefined ? {} : { cursor }),
      rulesHere(deps, c, days),
      frameOf(deps, c),
    ]);
    const reading: ReadAt = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
    const isFirst = cursor === undefined;
    return show(
      c,
      <AgreementPage {...{ active, versions, rules, frame, reading, days, isFirst }} />,
    );
  });
  return routes;
}

/** What each rule let through; null for who may not read the report. */
async function rulesHere(
  deps: AppDeps,
  c: Context<AppEnv>,
  days: Days,
): Promise<readonly ReportRow[] | null> {
  const request = "GET /reports/criteria";
  if (scopeOf(request, c.var.caller.role) === undefined) return null;
  return (await readReport(deps, c, asking(c, request), "criteria", asAsked(days))).rows;
}

interface Props {
  readonly active: Active;
  readonly versions: Versions;
  readonly rules: readonly ReportRow[] | null;
  readonly frame: Frame;
  readonly reading: ReadAt;
  readonly days: Days;
  readonly isFirst: boolean;
}

const AgreementPage: FC<Props> = (props) => {
  const { active, versions, frame, reading, isFirst } = props;
  const say = (at: string) => sayMoment(Date.parse(at), reading.now, reading.zone);
  const waiting = versions.items.filter(({ state }) => state === "proposed" || state === "signed");
  return (
    <Page title="Agreement" frame={frame} isPrinted>
      <h1>{`Agreement, version ${active.number}`}</h1>
      <p class="lead">
        <bdi>{nameOf(active)}</bdi>
        {active.activatedAt === null ? ". " : `. Active since ${say(active.activatedAt)}. `}
        {signersWords(active.agreement["signedBy"])}{" "}
        <a href={paths.version(active.id)}>Who signed it, and what it changed</a>
      </p>
      {waiting.map((one) => (
        <p class="notice">
          <a href={paths.version(one.id)}>{`Version ${one.number}`}</a>
          {one.state === "proposed" ? " waits for signatures." : " is signed and can be activated."}
        </p>
      ))}
      {scopeOf("POST /agreement/versions/propose", frame.caller.role) === undefined ? null : (
        <p class="actions">
          <a class="button main" href={paths.draft}>
            Propose a change…
          </a>
        </p>
      )}
      <Chapters {...props} />
      <h2 id="versions">Versions</h2>
      <table class="cards" aria-labelledby="versions" data-list>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">State</th>
            <th scope="col">Proposed</th>
            <th scope="col">Active since</th>
          </tr>
        </thead>
        <tbody>
          {versions.items.map((one) => (
            <VersionLine one={one} say={say} />
          ))}
        </tbody>
      </table>
      <More path={paths.agreement} next={versions.next} isFirst={isFirst} />
    </Page>
  );
};

function nameOf({ agreement }: Active): string {
  return typeof agreement["name"] === "string" ? agreement["name"] : "";
}

function signersWords(signedBy: unknown): string {
  const parties = Array.isArray(signedBy) ? signedBy.map(String) : [];
  return parties.length === 0
    ? "Nobody signs its versions."
    : `Each version is signed by ${enumerated(parties)}.`;
}

const VersionLine: FC<{ readonly one: Version; readonly say: (at: string) => string }> = ({
  one,
  say,
}) => (
  <tr data-row>
    <th scope="row">
      <a href={paths.version(one.id)} data-key="Enter">{`Version ${one.number}`}</a>
      {one.note === null ? null : (
        <span class="more dim">
          <bdi>{one.note}</bdi>
        </span>
      )}
    </th>
    <td data-label="state">{one.state}</td>
    <td data-label="proposed">
      {`${say(one.createdAt)} by `}
      <bdi>{one.createdByName ?? one.createdBy}</bdi>
    </td>
    <td data-label="active since">
      {one.activatedAt === null ? (
        ""
      ) : (
        <>
          {`${say(one.activatedAt)} by `}
          <bdi>{one.activatedByName ?? one.activatedBy}</bdi>
        </>
      )}
    </td>
  </tr>
);

/** In which chapter of the file the rules of each kind stand. */
const chapterOfKind: Readonly<Record<string, string>> = {
  "required field": "requiredFields",
  suppression: "suppress",
  checklist: "checklist",
  "fit points": "fit",
  band: "bands",
  "lead type": "leadTypes",
};

/** What each chapter is about, for whoever does not read the file. */
const titles: Readonly<Record<string, string>> = {
  name: "Name",
  signedBy: "Who signs",
  calendars: "Hours",
  fields: "Facts of our own",
  nullWords: "Answers that mean nothing",
  emailDomains: "Mail providers",
  requiredFields: "What must be known",
  suppress: "Who is never handed off",
  icp: "Whom we sell to",
  conditions: "Conditions of our own",
  checklist: "Checklist",
  signals: "What people do, and what it is worth",
  fit: "Points for who they are",
  bands: "Bands",
  leadTypes: "Lead types: who is handed off, and how fast",
  accounts: "Accounts",
  clocks: "Clocks and escalation",
  routing: "Who gets it",
  answers: "Accepting and rejecting",
  working: "Working a lead",
  renurture: "Coming back",
  tasks: "Tasks",
  leavers: "Who leaves",
  absences: "Who is away",
  nurture: "Nurture",
  reviews: "Reviews",
};

const Chapters: FC<Props> = ({ active, rules, days }) => {
  const chapters = chaptersOf(active.content);
  const names = new Set(chapters.map(({ key }) => key));
  const chapterOf = (row: ReportRow) => {
    const kind = wordIn(row, "kind");
    if (kind !== "condition") return chapterOfKind[kind];
    const rule = wordIn(row, "rule");
    return names.has(rule) ? rule : "conditions";
  };
  return (
    <>
      <h2 id="chapters">Chapters</h2>
      <p class="dim">
        {rules === null ? (
          "As both parties signed them."
        ) : (
          <>
            {
              "As both parties signed them; beside each rule what it let through in the last 13 weeks. "
            }
            <a href={withQuery(paths.report("criteria"), { ...days })}>All rules as a report</a>
          </>
        )}
      </p>
      {chapters.map(({ key, text }) => {
        const own = (rules ?? []).filter((row) => chapterOf(row) === key);
        const title = titles[key] ?? key;
        const written = (
          <Region label={`text of ${key}`}>
            <pre>{text}</pre>
          </Region>
        );
        return own.length === 0 ? (
          <details class="chapter">
            <summary>{title}</summary>
            {written}
          </details>
        ) : (
          <section class="chapter" aria-labelledby={`ch-${key}`}>
            <h3 id={`ch-${key}`}>{title}</h3>
            <Rules rows={own} label={title} />
            <details>
              <summary>As it is written</summary>
              {written}
            </details>
          </section>
        );
      })}
    </>
  );
};

/** The file by its keys, each with the comments before it. */
export function chaptersOf(content: string): { readonly key: string; readonly text: string }[] {
  const chapters: { key: string; lines: string[] }[] = [];
  let before: string[] = [];
  for (const line of content.split(/\r?\n/)) {
    const key = /^["']?([\w-]+)["']?\s*:/.exec(line)?.[1];
    if (key !== undefined) {
      chapters.push({ key, lines: [...before, line] });
      before = [];
    } else if (/^(?:#|---|$)/.test(line) || chapters.length === 0) before.push(line);
    else {
      chapters.at(-1)?.lines.push(...before, line);
      before = [];
    }
  }
  chapters.at(-1)?.lines.push(...before);
  return chapters.map(({ key, lines }) => ({ key, text: lines.join("\n").trim() }));
}

const Rules: FC<{ readonly rows: readonly ReportRow[]; readonly label: string }> = ({
  rows,
  label,
}) => (
  <Region label={`rules: ${label}`}>
    <table class="figures">
      <caption class="visually-hidden">{`What the rules let through: ${label}`}</caption>
      <thead>
        <tr>
          <th scope="col">Rule</th>
          <th scope="col">Let through</th>
          <th scope="col">Stopped</th>
          <th scope="col">Accepted</th>
          <th scope="col">Qualified</th>
          <th scope="col">Without it</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const stopped = row["stopped"] as number | null;
          const isCompared = row["isCompared"] === true;
          return (
            <tr class={row["isWorse"] === true ? "stands-out" : undefined}>
              <th scope="row">
                <bdi>{ruleName(wordIn(row, "rule"))}</bdi>
                {row["isWorse"] === true ? <small class="soon">worse than without it</small> : null}
              </th>
              <td>{counted(row["letThrough"] as number, "handoff")}</td>
              <td>{stopped === null ? "" : numberWords(stopped)}</td>
              <td>
                <RateWords rate={row["acceptanceRate"] as Rate} of="handoff" />
              </td>
              <td>
                <RateWords rate={row["qualifiedRate"] as Rate} of="handoff" />
              </td>
              <td>
                {isCompared ? (
                  <RateWords rate={row["qualifiedOtherwise"] as Rate} of="handoff" />
                ) : (
                  <span class="dim">{capital("nothing to compare")}</span>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  </Region>
);

/** A rule within its chapter, which says of what kind it is. */
function ruleName(rule: string): string {
  const name = rule.replace(/^\w+: /, "");
  return name === "icp" ? "ICP" : withFieldNames(name);
}

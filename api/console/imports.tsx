import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { capital } from "../../messages/words.ts";
import { sayMoment } from "../../words/clock.ts";
import { countsOfImport, nameOfImport } from "../../words/imports.ts";
import { fieldWords, withFieldNames } from "../../words/trace.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { asDescribed, Problem } from "../http/errors.ts";
import {
  importErrorsFile,
  importsQuery,
  readImportErrors,
  readImportParts,
  readImports,
  readOneImport,
  takeImport,
  type SentForm,
} from "../imports.ts";
import { filtersOf } from "./filters.ts";
import { formWith, Hidden, once, orAgain, statusOf, type Form } from "./form.tsx";
import { asking, frameOf, Page, show, type Frame } from "./page.tsx";
import { Moment, type ReadAt } from "./parts/clock.tsx";
import { NotDone, NotDoneAbove } from "./parts/field.tsx";
import { More } from "./parts/list.tsx";
import { paths, withQuery } from "./paths.ts";

type Imports = Awaited<ReturnType<typeof readImports>>;
type Import = Imports["items"][number];
type RowErrors = Awaited<ReturnType<typeof readImportErrors>>;

/** GET and POST /console/imports, one import with its refused rows, and these as a file. */
export function importsPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.imports, async (c) => {
    const like = (c.req.query("map") ?? "").trim();
    const map = like === "" ? "" : ((await readOneImport(deps, like)).map ?? "");
    return showImports(deps, c, { map, problem: null, tried: null });
  });
  routes.post(paths.imports, async (c) => {
    const { form, sent } = await readSent(deps, c);
    const map = form.fields["map"] ?? "";
    return orAgain(
      async () => {
        if (sent().dryRun) {
          const { answer } = await takeImport(deps, c, sent());
          return showImports(deps, c, { map, problem: null, tried: answer });
        }
        return once(deps, c, form, async () => {
          const { answer, status } = await takeImport(deps, c, sent());
          const again = status === 200 ? "1" : null;
          return withQuery(paths.import(answer.id ?? ""), { again });
        });
      },
      (problem) => showImports(deps, c, { map, problem, tried: null }),
    );
  });
  routes.get("/console/imports/:id", (c) => showImport(deps, c, c.req.param("id")));
  routes.get("/console/imports/:id/errors.csv", (c) => importErrorsFile(deps, c.req.param("id")));
  return routes;
}

/** The form with its file: the map as it was written, else as a file. */
async function readSent(
  deps: AppDeps,
  c: Context<AppEnv>,
): Promise<{ readonly form: Form; readonly sent: () => SentForm }> {
  const names = ["key", "file", "map", "mapFile", "dryRun"];
  const { texts, files, others } = await readImportParts(deps, c, names);
  const [file, mapFile] = [files.get("file"), files.get("mapFile")];
  const written = (texts.get("map") ?? "").trim();
  const map = written === "" && mapFile !== undefined ? textOf(mapFile.pieces) : written;
  const dryRun = texts.get("dryRun") === "true";
  const fields = {
    key: texts.get("key") ?? "",
    map,
    dryRun: String(dryRun),
    file: file?.fileHash ?? "",
  };
  const sent = (): SentForm => {
    if (others.length > 0)
      throw new Problem("invalid", { field: "file", detail: "expected one file and one map" });
    if (file === undefined || file.pieces.length === 0)
      throw new Problem("invalid", { field: "file", detail: "choose the file of leads" });
    if (map === "")
      throw new Problem("invalid", {
        field: "map",
        detail: "say which column is which fact: write it here, or choose its file",
      });
    const { pieces, fileHash, name: fileName } = file;
    return { map, dryRun, pieces, fileHash, fileName };
  };
  return { form: formWith(fields), sent };
}

function textOf(pieces: readonly Uint8Array[]): string {
  return new TextDecoder().decode(Buffer.concat(pieces.map((one) => Buffer.from(one)))).trim();
}

interface Sent {
  readonly map: string;
  readonly problem: Problem | null;
  /** What a file would come to. */
  readonly tried: Import | null;
}

async function showImports(deps: AppDeps, c: Context<AppEnv>, sent: Sent): Promise<Response> {
  asking(c, "GET /imports");
  const given = filtersOf(c, ["cursor"]);
  const [page, frame] = await Promise.all([
    readImports(deps, asDescribed(importsQuery, given)),
    frameOf(deps, c),
  ]);
  const reading: ReadAt = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
  return show(
    c,
    <ImportsPage {...{ page, frame, reading, sent }} isFirst={given["cursor"] === undefined} />,
    statusOf(sent.problem),
  );
}

const ImportsPage: FC<{
  readonly page: Imports;
  readonly frame: Frame;
  readonly reading: ReadAt;
  readonly sent: Sent;
  readonly isFirst: boolean;
}> = ({ page, frame, reading, sent, isFirst }) => (
  <Page title="Imports" frame={frame}>
    <h1>Imports</h1>
    <p class="lead">
      A file of leads, row by row. The same file with the same map goes on where it stopped, or
      changes nothing.
    </p>
    {sent.tried === null ? null : <Checked tried={sent.tried} />}
    <SendForm sent={sent} />
    <section aria-labelledby="former">
      <h2 id="former">Former imports</h2>
      {page.items.length === 0 ? (
        <p>None yet. The first one appears here while it runs.</p>
      ) : (
        <table class="cards" aria-labelledby="former" data-list>
          <thead>
            <tr>
              <th scope="col">File</th>
              <th scope="col">Begun</th>
              <th scope="col">State</th>
              <th scope="col">Rows</th>
            </tr>
          </thead>
          <tbody>
            {page.items.map((one) => (
              <tr data-row>
                <td class="who">
                  <a href={paths.import(one.id ?? "")} data-key="Enter">
                    <bdi>{nameIn(one, reading)}</bdi>
                  </a>
                </td>
                <td>
                  {one.startedAt === null ? null : <Moment at={one.startedAt} reading={reading} />}
                </td>
                <td class={one.state === "failed" ? "late" : undefined}>{stateWords[one.state]}</td>
                <td>{countsOfImport(one, one.rows)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <More path={paths.imports} next={page.next} isFirst={isFirst} />
    </section>
  </Page>
);

function nameIn({ fileName, startedAt }: Import, { now, zone }: ReadAt): string {
  const at = startedAt === null ? null : Date.parse(startedAt);
  return nameOfImport({ fileName: fileName ?? null, startedAt: at }, now, zone);
}

const stateWords: Readonly<Record<Import["state"], string>> = {
  running: "running",
  done: "done",
  failed: "stopped",
};

const example = `columns:
  E-mail: lead.email
  Name: lead.name
  Company: account.name
  Employees: account.employees`;

const SendForm: FC<{ readonly sent: Sent }> = ({ sent: { map, problem } }) => {
  const isWrong = (field: string) => problem?.parts.field === field;
  const wrong = (field: string) => ({
    "aria-invalid": isWrong(field) ? ("true" as const) : undefined,
    "aria-describedby": isWrong(field) ? `${field}-problem` : undefined,
    autofocus: isWrong(field),
  });
  return (
    <section aria-labelledby="send">
      <h2 id="send">Send a file</h2>
      <NotDoneAbove problem={problem} unless={["file", "map"]} />
      <form method="post" action={paths.imports} encType="multipart/form-data" class="fields">
        <Hidden />
        <div class="field">
          <label for="file">The file: CSV with a first line of column names</label>
          <input id="file" name="file" type="file" accept=".csv,text/csv" {...wrong("file")} />
          {isWrong("file") ? <NotDone problem={problem} id="file-problem" /> : null}
        </div>
        <div class="field">
          <label for="map">Which column is which fact</label>
          <textarea
            id="map"
            name="map"
            rows={8}
            spellcheck={false}
            placeholder={example}
            {...wrong("map")}
          >
            {map}
          </textarea>
          {isWrong("map") ? <NotDone problem={problem} id="map-problem" /> : null}
        </div>
        <div class="field">
          <label for="mapFile">Or the map as a file</label>
          <input id="mapFile" name="mapFile" type="file" accept=".yaml,.yml,.json" />
        </div>
        <p>
          <button class="main">Import it</button>{" "}
          <button name="dryRun" value="true">
            Only check it
          </button>
        </p>
      </form>
    </section>
  );
};

/** What a dry run found. */
const Checked: FC<{ readonly tried: Import }> = ({ tried }) => {
  const good = tried.rows - tried.refused;
  const errors = tried.errors ?? [];
  return (
    <section aria-labelledby="checked" class="result">
      <h2 id="checked">
        {`${good.toLocaleString("en-US")} of ${tried.rows.toLocaleString("en-US")} rows can be taken in`}
      </h2>
      <p>Nothing was stored. To import the file, choose it again.</p>
      <NotUnderstood of={tried} />
      {errors.length === 0 ? null : (
        <>
          <p>
            {errors.length < 100 ? "What is wrong:" : "The first hundred things that are wrong:"}
          </p>
          <Errors items={errors} />
        </>
      )}
    </section>
  );
};

const NotUnderstood: FC<{ readonly of: Import }> = ({ of: { notUnderstood } }) => {
  const fields = Object.entries(notUnderstood);
  if (fields.length === 0) return null;
  const said = fields.map(([path, n]) => `${fieldWords(path)} in ${n.toLocaleString("en-US")}`);
  return <p>{`Kept as written, but not understood: ${said.join(", ")} rows.`}</p>;
};

const Errors: FC<{ readonly items: RowErrors["items"] }> = ({ items }) => (
  <table class="cards">
    <caption class="visually-hidden">Refused rows</caption>
    <thead>
      <tr>
        <th scope="col">Line</th>
        <th scope="col">Column</th>
        <th scope="col">What is wrong</th>
      </tr>
    </thead>
    <tbody>
      {items.map(({ line, column, message }) => (
        <tr>
          <td data-label="Line">{line}</td>
          <td data-label="Column">
            <bdi>{column ?? ""}</bdi>
          </td>
          <td>
            <bdi>{capital(withFieldNames(message))}</bdi>
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

/** GET /console/imports/{id}: how far it is, what became of its rows, and which were refused. */
async function showImport(deps: AppDeps, c: Context<AppEnv>, id: string): Promise<Response> {
  asking(c, "GET /imports/{id}");
  asking(c, "GET /imports/{id}/errors");
  const given = filtersOf(c, ["cursor"]);
  const [one, errors, frame] = await Promise.all([
    readOneImport(deps, id),
    readImportErrors(deps, id, asDescribed(importsQuery, given)),
    frameOf(deps, c),
  ]);
  const reading: ReadAt = { zone: frame.zone ?? "UTC", now: c.var.receivedAt };
  const isAgain = one.state === "done" && c.req.query("again") !== undefined;
  const name = nameIn(one, reading);
  return show(
    c,
    <Page
      title={one.fileName ? `Import ${name}` : name}
      frame={frame}
      status={isAgain ? sayAgain(one, reading) : null}
    >
      <p class="dim">
        <a href={paths.imports} data-key="u">
          Imports
        </a>
      </p>
      <h1>
        <bdi>{name}</bdi>
      </h1>
      <Progress one={one} reading={reading} />
      <NotUnderstood of={one} />
      {one.map === null ? null : (
        <p>
          <a href={withQuery(paths.imports, { map: id })}>Send another file with the same map</a>
        </p>
      )}
      {one.refused === 0 ? null : (
        <section aria-labelledby="refused">
          <h2 id="refused">{`Refused: ${one.refused.toLocaleString("en-US")}`}</h2>
          <p>
            <a class="button" href={paths.importErrors(id)} download>
              Download the refused rows
            </a>
          </p>
          <p>Put them right in that file and send it with the same map; the others are in.</p>
          <Errors items={errors.items} />
          <More
            path={paths.import(id)}
            next={errors.next}
            isFirst={given["cursor"] === undefined}
          />
        </section>
      )}
    </Page>,
  );
}

/** "The same file with the same map: 8,000 rows: 0 new, 8,000 known (0 changed), 0 refused." */
function sayAgain(one: Import, { now, zone }: ReadAt): string {
  const { created, merged, unchanged } = one;
  const known = { ...one, created: 0, merged: 0, unchanged: created + merged + unchanged };
  const when =
    one.finishedAt === null
      ? ""
      : ` It was done ${sayMoment(Date.parse(one.finishedAt), now, zone)}.`;
  return `Nothing changed by sending it again. ${countsOfImport(known, one.rows)}.${when}`;
}

const Progress: FC<{ readonly one: Import; readonly reading: ReadAt }> = ({ one, reading }) => {
  const { state, rows, rowsTotal, problem } = one;
  const say = (at: string | null) =>
    at === null ? "" : sayMoment(Date.parse(at), reading.now, reading.zone);
  if (state === "running")
    return (
      <div data-refresh="3000">
        <p>
          {`Running since ${say(one.startedAt)}: so far ${countsOfImport(one, rows)}. `}
          <a href={paths.import(one.id ?? "")} data-key=".">
            Refresh
          </a>
        </p>
        {rowsTotal === null ? null : (
          <p>
            <progress value={rows} max={rowsTotal} aria-label="Rows taken in" />
          </p>
        )}
        <p class="dim">
          It goes on when you leave this page. If the numbers stand still, the process that carried
          it out ended: send the same file with the same map, and it goes on where it stopped.
        </p>
      </div>
    );
  if (state === "failed")
    return (
      <>
        <p>
          <strong>{`It stopped ${say(one.finishedAt)}`}</strong>
          {`${problem === null ? "" : `: ${problem}`}.`}
        </p>
        <p>{`${countsOfImport(one, rows)}. What was taken in is kept.`}</p>
      </>
    );
  return <p>{`Done ${say(one.finishedAt)}. ${countsOfImport(one, rows)}.`}</p>;
};

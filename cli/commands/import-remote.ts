import { openAsBlob } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { countsOfImport } from "../../words/imports.ts";
import {
  apiAddress,
  askPatiently,
  bearer,
  jsonOf,
  type PatientAnswer,
  type WholeAnswer,
} from "../api-client.ts";
import { CommandError, type Io } from "../command.ts";

interface RemoteOrder {
  readonly path: string;
  readonly mapText: string;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly url: string;
  readonly token: string;
}

interface RemoteImport {
  readonly id?: string;
  readonly state: string;
  readonly rows: number;
  readonly created: number;
  readonly merged: number;
  readonly unchanged: number;
  readonly refused: number;
  readonly notUnderstood: Readonly<Record<string, number>>;
  readonly problem?: string | null;
}

/** A line for each fact of which some values are kept as they came. */
export function notUnderstoodLines(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts).map(([field, count]) =>
    count === 1
      ? `${field}: 1 value is not understood and kept as it came.`
      : `${field}: ${count} values are not understood and kept as they came.`,
  );
}

/** Where the refused rows are, and what to do with them. */
export function errorsSentence(path: string): string {
  return (
    `The refused rows and what was expected stand in ${path}; correct them there and import ` +
    "that file with the same map."
  );
}

/**
 * Sends the file to POST /imports and follows it to its end. Asked again after a failure it goes on
 * where it stopped.
 */
export async function importThroughApi(order: RemoteOrder, io: Io): Promise<number> {
  const base = apiAddress(order.url);
  const form = new FormData();
  form.set("map", order.mapText);
  form.set("dryRun", String(order.dryRun));
  form.set("file", await openAsBlob(order.path), basename(order.path));
  const send = () => ask(`${base}/imports`, order.token, { method: "POST", body: form });
  const began = await send();
  const done = order.dryRun ? began : await follow(base, order.token, began, send, io);
  if (done.state === "failed")
    throw new CommandError(
      `${order.path}: ${done.problem ?? "the import stopped"}; call the same command again to go on.`,
    );
  let errorsFile: string | null = null;
  if (done.refused > 0 && done.id !== undefined) {
    const answer = await askAll(`${base}/imports/${done.id}/errors.csv`, order.token, {});
    errorsFile = `${order.path}.errors.csv`;
    await writeFile(errorsFile, answer.text, { mode: 0o600 });
  }
  if (order.json) io.out(JSON.stringify({ ...done, errorsFile }));
  else {
    io.out(
      order.dryRun
        ? `${done.rows - done.refused} of ${done.rows} rows can be taken in; nothing was stored.`
        : `${countsOfImport(done, done.rows)} (${done.id}).`,
    );
    for (const line of notUnderstoodLines(done.notUnderstood)) io.out(line);
    if (errorsFile) io.out(errorsSentence(errorsFile));
  }
  return done.refused > 0 ? 1 : 0;
}

/** An API that was away meanwhile may have ended, and goes on when the file is sent again. */
async function follow(
  base: string,
  token: string,
  began: RemoteImport,
  send: () => Promise<RemoteImport>,
  io: Io,
): Promise<RemoteImport> {
  let now = began;
  for (let told = Date.now(); now.state === "running";) {
    await pause(300);
    const answer = await askAll(`${base}/imports/${now.id}`, token, {}, true);
    now = jsonOf(answer) as RemoteImport;
    if (answer.wasCut && now.state === "running") now = await send();
    if (Date.now() - told < 2000) continue;
    told = Date.now();
    io.err(`${now.rows} rows, ${now.refused} refused`);
  }
  return now;
}

async function ask(url: string, token: string, init: RequestInit): Promise<RemoteImport> {
  return jsonOf(await askAll(url, token, init)) as RemoteImport;
}

/** The same file with the same map is the same import, so that all is asked again. */
async function askAll(
  url: string,
  token: string,
  init: RequestInit,
  wasThere = false,
): Promise<PatientAnswer> {
  const answer = await askPatiently(
    url,
    { ...init, headers: { authorization: bearer(token) } },
    { timeoutMs: longestWaitMs, patienceMs: longestWaitMs, wasThere },
  );
  if (!answer.isOk) throw refusal(answer);
  return answer;
}

/** A large file on a slow line. */
const longestWaitMs = 600_000;

function refusal(answer: WholeAnswer): CommandError {
  const { field, detail } = jsonOf(answer) as { readonly detail?: string; readonly field?: string };
  return new CommandError(
    "The API refused the import: " +
      `${field ? `${field}: ` : ""}${detail ?? `status ${answer.status}`}`,
  );
}

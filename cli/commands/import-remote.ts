import { openAsBlob } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { countsOfImport } from "../../words/imports.ts";
import { apiAddress, bearer, jsonOf, askAt, type WholeAnswer } from "../api-client.ts";
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
  const began = await ask(`${base}/imports`, order.token, { method: "POST", body: form });
  const done = order.dryRun ? began : await follow(base, order.token, began, io);
  if (done.state === "failed")
    throw new CommandError(
      `${order.path}: ${done.problem ?? "the import stopped"}; call the same command again to go on.`,
    );
  let errorsFile: string | null = null;
  if (done.refused > 0 && done.id !== undefined) {
    const answer = await askPatiently(`${base}/imports/${done.id}/errors.csv`, order.token, {});
    if (!answer.isOk) throw refusal(answer);
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

async function follow(
  base: string,
  token: string,
  began: RemoteImport,
  io: Io,
): Promise<RemoteImport> {
  let now = began;
  for (let told = Date.now(); now.state === "running";) {
    await pause(300);
    now = await ask(`${base}/imports/${now.id}`, token, {});
    if (Date.now() - told < 2000) continue;
    told = Date.now();
    io.err(`${now.rows} rows, ${now.refused} refused`);
  }
  return now;
}

/** A busy server says 503 and when to come again; the import goes on meanwhile. */
const mostAttempts = 20;

async function ask(url: string, token: string, init: RequestInit): Promise<RemoteImport> {
  const answer = await askPatiently(url, token, init);
  if (!answer.isOk) throw refusal(answer);
  return jsonOf(answer) as RemoteImport;
}

async function askPatiently(url: string, token: string, init: RequestInit): Promise<WholeAnswer> {
  const wanted = { ...init, headers: { authorization: bearer(token) } };
  let answer = await askAt(url, wanted, longestWaitMs);
  for (let attempt = 1; attempt < mostAttempts && answer.status === 503; attempt++) {
    await pause(Math.min(30, Number(answer.headers.get("retry-after")) || 1) * 1000);
    answer = await askAt(url, wanted, longestWaitMs);
  }
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

import { parseArgs } from "node:util";
import { isClosed } from "../../handoff/stage.ts";
import { audit } from "../../store/postgres/audit.ts";
import { inTransaction, type Pool } from "../../store/postgres/db.ts";
import { leadPlaces, startAgain } from "../../store/inbox/reconcile.ts";
import { CommandError, type Command, type Io } from "../command.ts";
import { readSettings } from "../env.ts";
import { utc } from "../../words/reader.ts";
import { withTemporal, type Processes } from "../servers/processes.ts";
import { databaseUrlOf } from "../servers/running-database.ts";
import { withPool } from "../servers/servers.ts";
import { findStuck, type Stuck, type StuckLead } from "./stuck-leads.ts";

const usage = `baton stuck [--json]
baton stuck --repair [LEAD...] [--json]

Lists the leads whose process does not do its work, since when, why, and what to do:
  broken    its tasks fail, so it stands still: a bug, or a history that today's code cannot replay
  missing   the lead is open and no process runs
  late      the process runs and its next step is overdue by more than ten minutes
  --repair  ends the run that stands in the way and starts the process again where Postgres says the lead stands: all that
            are broken or missing, or the leads named (ld_…). A late one only when it is named: when a worker or Temporal
            was away, it catches up by itself. On record in the audit trail; safe to repeat
  --json    { leads, others, untold } or { repaired } instead of lines
Messages that Temporal has not been told for two minutes are counted: their leads wait for the relay, and nothing is broken.
Ends with 0 when none is stuck and none waits, or when all that was asked for is repaired; with 1 otherwise. Works on DATABASE_URL and
TEMPORAL_ADDRESS, else on the servers of the Baton that runs in BATON_HOME.`;

export const command: Command = {
  name: "stuck",
  summary: "list leads whose process is broken, missing or late; start it again",
  usage,
  async run(args, io) {
    const { values, positionals: ids } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        repair: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
    if (!values.repair && ids.length > 0)
      throw new CommandError(
        `\`baton stuck\` lists all of them; to start some again say \`baton stuck --repair ` +
          `${ids.join(" ")}\`.`,
      );
    const settings = readSettings();
    return withTemporal(settings, (processes) =>
      withPool(databaseUrlOf(settings), async (pool) => {
        await refuseUnknown(pool, ids);
        const found = await findStuck(pool, processes, Date.now());
        return values.repair
          ? repairAll({ pool, processes }, found, ids, values.json, io)
          : list(found, values.json, io);
      }),
    );
  },
};

async function refuseUnknown(pool: Pool, ids: readonly string[]): Promise<void> {
  const known = new Set((await leadPlaces(pool, ids)).map((one) => one.id));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0)
    throw new CommandError(
      `There is no lead or account ${unknown.join(", ")}; give our ids (ld_…, ac_…), as \`baton stuck\` lists them.`,
    );
}

function list({ leads, others, untold }: Stuck, isJson: boolean, io: Io): number {
  if (isJson) io.out(JSON.stringify({ leads, others, untold }));
  else {
    for (const one of leads)
      io.out(
        `${one.id} ${one.state} since ${one.since ? utc(one.since) : "nobody knows when"}, ` +
          `${one.stage}: ${one.why}; ${one.remedy}.`,
      );
    for (const { workflowId, why } of others)
      io.out(
        `${workflowId} is broken and not about a lead: ${why}; deploy the fix, or end it in ` +
          "the Temporal UI or by `temporal workflow terminate`.",
      );
    if (untold.since)
      io.out(
        `${untold.count} messages to processes wait since ${utc(untold.since)}: see that ` +
          "worker and relay are ready (`baton doctor`); they are told by themselves then.",
      );
    io.out(`${leads.length} ${leads.length === 1 ? "lead is" : "leads are"} stuck.`);
  }
  return leads.length + others.length + untold.count === 0 ? 0 : 1;
}

interface Deps {
  readonly pool: Pool;
  readonly processes: Processes;
}
interface Repaired {
  readonly id: string;
  readonly isStarted: boolean;
  readonly outcome: string;
}

async function repairAll(
  deps: Deps,
  { leads }: Stuck,
  ids: readonly string[],
  isJson: boolean,
  io: Io,
): Promise<number> {
  const named = new Set(ids);
  const repaired: Repaired[] = [];
  const done = (one: Repaired): void => {
    repaired.push(one);
    if (!isJson) io.out(`${one.id} ${one.outcome}.`);
  };
  for (const one of leads) {
    if (ids.length === 0 ? one.state !== "late" : named.has(one.id)) done(await repair(deps, one));
  }
  const well = ids.filter((id) => !leads.some((one) => one.id === id));
  for (const id of well) done({ id, isStarted: false, outcome: "is not stuck; nothing was done" });
  const left = ids.length === 0 ? leads.filter((one) => one.state === "late") : [];
  if (isJson) io.out(JSON.stringify({ repaired }));
  else {
    for (const { id } of left)
      io.out(`${id} is late and was left alone; name it to start it again.`);
    io.out(`${repaired.filter((one) => one.isStarted).length} started again.`);
  }
  return left.length === 0 ? 0 : 1;
}

/**
 * On record first, then the end, then the start: cut off in between, the lead has no process, which
 * the reconciler and a repeat both see. The start goes through the outbox, where one that waits
 * already is not doubled.
 */
async function repair(
  { pool, processes }: Deps,
  { id, workflowId, state, runId, why }: StuckLead,
): Promise<Repaired> {
  await inTransaction(pool, (tx) =>
    audit(
      tx,
      { actor: "cli", what: "lead.process-repaired", subject: id, detail: { state, runId, why } },
      Date.now(),
    ),
  );
  if (runId !== null)
    await processes.end(workflowId, runId, `baton stuck --repair: ${why}`.slice(0, 400));
  const [place] = await leadPlaces(pool, [id]);
  const isStarted = place !== undefined && (await startAgain(pool, place, Date.now()));
  const ended = runId === null ? `was ${state}` : `was ${state}; its run ${runId} was ended`;
  if (isStarted)
    return {
      id,
      isStarted,
      outcome: `${ended}; it starts again from ${place?.stage}, waiting on ${place?.waitingOn}`,
    };
  return {
    id,
    isStarted,
    outcome: `${ended}; ${place && isClosed(place.stage) ? "it is closed, so nothing starts again" : "a start waits already"}`,
  };
}

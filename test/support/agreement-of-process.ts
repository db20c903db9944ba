import { expect } from "vitest";
import { followUp, type Standing } from "../../handoff/process/words.ts";
import type { Stage, WaitingOn } from "../../handoff/stage.ts";
import { rows, sql, type Pool } from "../../store/postgres/db.ts";
import { searchAttributes } from "../../workflows/contract.ts";
import type { LeadWorld } from "./lead-world.ts";
import { standsAt } from "./race-world.ts";

/**
 * What keeps a lead's process from agreeing with its row, in words; null when they agree: cycle,
 * stage and owner always, waiting on as it was decided in the step that the process knows, and no
 * waking that the row wants earlier. Both what it says when asked and what Temporal shows count.
 */
export async function apartBy(world: LeadWorld, leadId: string): Promise<string | null> {
  const row = await standsAt(world.pool, leadId);
  const shown = await world.handle(leadId).describe();
  if (followUp({ stage: row.stage as Stage, waitingOn: row.waiting_on as WaitingOn }) === "end") {
    return shown.status.name === "COMPLETED"
      ? null
      : `closed, but its process is ${shown.status.name}`;
  }
  if (shown.status.name !== "RUNNING")
    return `${row.stage}, but its process is ${shown.status.name}`;
  const known = await world.handle(leadId).query<Standing | null>("standing");
  if (!known) return "its process knows nothing yet";
  const [decided] = await rows<{ result: Standing }>(
    world.pool,
    sql`
    select result from decision where subject_id = ${leadId}
      and (result ->> 'cycle')::int = ${known.cycle} and (result ->> 'step')::int = ${known.step}`,
  );
  const read = (key: typeof searchAttributes.stage) => shown.typedSearchAttributes.get(key) ?? null;
  const differences: [string, unknown, unknown][] = [
    ["cycle", known.cycle, row.cycle],
    ["stage", known.stage, row.stage],
    ["owner", known.owner, row.owner_id],
    ["waiting on", known.waitingOn, decided?.result.waitingOn],
    ["LeadStage", read(searchAttributes.stage), row.stage],
    ["LeadOwner", read(searchAttributes.owner), row.owner_id],
    ["LeadCycle", shown.typedSearchAttributes.get(searchAttributes.cycle), row.cycle],
  ];
  const [wrong] = differences.filter(([, of, wanted]) => of !== wanted);
  if (wrong) return `${wrong[0]} is ${String(wrong[1])}, the row says ${String(wrong[2])}`;
  if (known.step === row.step && known.waitingOn !== row.waiting_on)
    return `it waits on ${known.waitingOn}`;
  const [wakeAt, nextAt] = [
    known.wakeAt ?? Number.POSITIVE_INFINITY,
    row.next_at?.getTime() ?? Number.POSITIVE_INFINITY,
  ];
  return wakeAt <= nextAt ? null : `it wakes ${wakeAt - nextAt} ms after its next step is due`;
}

/**
 * Waits until every process agrees with its row; fails with the first that does not after
 * `withinMs`.
 */
export async function untilAllAgree(
  world: LeadWorld,
  leadIds: readonly string[],
  withinMs: number,
): Promise<void> {
  let apart = new Map<string, string>(leadIds.map((id) => [id, "not looked at yet"]));
  for (
    const end = Date.now() + withinMs;
    ;
    await new Promise((resolve) => setTimeout(resolve, 300))
  ) {
    const still = new Map<string, string>();
    const ids = [...apart.keys()];
    for (let n = 0; n < ids.length; n += 8) {
      await Promise.all(
        ids.slice(n, n + 8).map(async (id) => {
          const why = await apartBy(world, id);
          if (why !== null) still.set(id, why);
        }),
      );
    }
    if (still.size === 0) return;
    apart = still;
    if (Date.now() > end)
      expect.fail(
        `${still.size} apart: ${[...still]
          .slice(0, 5)
          .map(([id, why]) => `${id}: ${why}`)
          .join("; ")}`,
      );
  }
}

/** When a process came to know of which decision, as its history says. */
interface Heard {
  readonly at: number;
  readonly standing: Pick<Standing, "cycle" | "step">;
}

async function hearings(world: LeadWorld, leadId: string): Promise<Heard[]> {
  const heard: Heard[] = [];
  const first = (await world.handle(leadId).describe()).raw.workflowExecutionInfo?.firstRunId;
  for (let runId = first ?? undefined; runId;) {
    const { events } = await world.client.workflow
      .getHandle(`lead/${leadId}`, runId)
      .fetchHistory();
    runId = undefined;
    let waiting: Heard["standing"][] = [];
    for (const event of events ?? []) {
      const payloads = [
        ...(event.workflowExecutionSignaledEventAttributes?.input?.payloads ?? []),
        ...(event.markerRecordedEventAttributes?.details?.["result"]?.payloads ?? []),
        ...(event.activityTaskCompletedEventAttributes?.result?.payloads ?? []),
      ];
      for (const { data } of payloads) {
        const said = JSON.parse(Buffer.from(data ?? []).toString() || "null") as {
          standing?: Heard["standing"];
          cycle?: number;
          step?: number;
        } | null;
        const { cycle, step } = said?.standing ?? said ?? {};
        if (cycle !== undefined && step !== undefined) waiting.push({ cycle, step });
      }
      const isTaken =
        event.workflowTaskCompletedEventAttributes || event.markerRecordedEventAttributes;
      if (isTaken) {
        const at =
          Number(event.eventTime?.seconds) * 1_000 + (event.eventTime?.nanos ?? 0) / 1_000_000;
        heard.push(...waiting.map((standing) => ({ at, standing })));
        waiting = [];
      }
      runId = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? runId;
      if (runId)
        heard.push(
          ...waiting.map((standing) => ({
            at: Number(event.eventTime?.seconds) * 1_000,
            standing,
          })),
        );
    }
  }
  return heard;
}

/**
 * For every decision that moved a lead to another stage, owner or cycle: how long its process did
 * not know of it or of a later one, in milliseconds. Nothing for those that it never heard of
 * because it ended.
 */
export async function timesApart(world: LeadWorld, leadId: string): Promise<number[]> {
  const heard = await hearings(world, leadId);
  const moved = await decisionsThatMoved(world.pool, leadId);
  return moved.flatMap(({ at, cycle, step }) => {
    const first = heard
      .filter(({ standing: s }) => s.cycle > cycle || (s.cycle === cycle && s.step >= step))
      .reduce((least, one) => Math.min(least, one.at), Number.POSITIVE_INFINITY);
    return first === Number.POSITIVE_INFINITY ? [] : [Math.max(0, first - at.getTime())];
  });
}

function decisionsThatMoved(
  pool: Pool,
  leadId: string,
): Promise<{ at: Date; cycle: number; step: number }[]> {
  return rows(
    pool,
    sql`
    select at, (result ->> 'cycle')::int as cycle, (result ->> 'step')::int as step from decision
    where subject_id = ${leadId} and (result ->> 'stage' <> situation -> 'process' ->> 'stage'
      or result ->> 'owner' is distinct from situation -> 'process' ->> 'owner'
      or result ->> 'cycle' <> situation -> 'process' ->> 'cycle')`,
  );
}

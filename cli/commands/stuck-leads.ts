import type { Instant } from "../../handoff/time/calendar.ts";
import type { Pool } from "../../store/postgres/db.ts";
import {
  leadPlaces,
  openAccounts,
  openLeads,
  type LeadPlace,
  type OpenProcess,
} from "../../store/inbox/reconcile.ts";
import { remedyOf, whyLate, type StuckState } from "../../messages/stuck.ts";
import { waitingSince } from "../../store/postgres/outbox.ts";
import { tellingMs } from "../../store/views/system.ts";
import {
  accountOfWorkflowId,
  leadOfWorkflowId,
  processWorkflowId,
} from "../../workflows/contract.ts";
import type { BrokenProcess, Processes } from "../servers/processes.ts";

/** A lead, or an account that is handed off, whose process does not do its work. */
export interface StuckLead {
  readonly id: string;
  readonly workflowId: string;
  readonly state: StuckState;
  readonly stage: LeadPlace["stage"];
  readonly waitingOn: LeadPlace["waitingOn"];
  /** Null when nobody can say. */
  readonly since: Date | null;
  readonly why: string;
  /** What to do about it, as a sentence. */
  readonly remedy: string;
  /** The run that stands in the way; null when none runs. */
  readonly runId: string | null;
}

export interface Stuck {
  readonly leads: readonly StuckLead[];
  /** Broken processes that are about no lead or account of ours: reviews, rounds. */
  readonly others: readonly { readonly workflowId: string; readonly why: string }[];
  /** Starts and signals that Temporal has not been told for longer than a moment. */
  readonly untold: { readonly count: number; readonly since: Date | null };
}

const pageSize = 20_000;
const atOnce = 16;

/** Every lead and account whose process is broken, missing or late, by id. */
export async function findStuck(pool: Pool, processes: Processes, now: Instant): Promise<Stuck> {
  const broken = await processes.broken();
  const ids = broken.flatMap(({ workflowId }) => subjectOf(workflowId) ?? []);
  const places = new Map((await leadPlaces(pool, ids)).map((one) => [workflowIdOf(one), one]));
  const mine = broken.flatMap((one) => {
    const place = places.get(one.workflowId);
    return place ? [{ ...one, place }] : [];
  });
  const leads: StuckLead[] = await few(mine, (one) => brokenLead(processes, one));

  const running = await processes.running();
  const known = new Set(leads.map((one) => one.id));
  for (let after: string | undefined = ""; after !== undefined;) {
    const page: OpenProcess[] = await openLeads(pool, after, pageSize, now);
    const accounts = after === "" ? await openAccounts(pool, pageSize, now) : [];
    const suspects = [...page, ...accounts].filter(
      (one) => !known.has(one.id) && (one.isLate || !running.has(workflowIdOf(one))),
    );
    const found = await few(
      await leadPlaces(
        pool,
        suspects.map((one) => one.id),
      ),
      (place) => suspect(processes, place, now),
    );
    leads.push(...found.flatMap((one) => one ?? []));
    after = page.length === pageSize ? page.at(-1)?.id : undefined;
  }
  const others = await few(
    broken.filter((one) => subjectOf(one.workflowId) === null),
    async (one) => ({
      workflowId: one.workflowId,
      why: (await whyBroken(processes, one)).why,
    }),
  );
  return {
    leads: leads.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    others,
    untold: await waitingSince(pool, now - tellingMs),
  };
}

async function brokenLead(
  processes: Processes,
  one: BrokenProcess & { readonly place: LeadPlace },
): Promise<StuckLead> {
  const { place, runId } = one;
  return {
    ...standing(place),
    state: "broken",
    ...(await whyBroken(processes, one)),
    runId,
    remedy: remedyOf("broken", place.id),
  };
}

async function whyBroken(
  processes: Processes,
  { workflowId, runId, problems }: BrokenProcess,
): Promise<{ since: Date | null; why: string }> {
  const failure = await processes.failure(workflowId, runId);
  const codes = problems
    .filter((one) => one.startsWith("cause="))
    .map((one) => one.replace(/^cause=(WorkflowTaskFailedCause)?/, ""));
  const words = [codes.join(", "), failure?.message.split("\n")[0]?.slice(0, 300)]
    .filter((one) => one)
    .join(": ");
  return { since: failure?.since ?? null, why: `its tasks fail${words && `: ${words}`}` };
}

/** Asked of the process itself, for the list lags; undefined when it is well after all. */
async function suspect(
  processes: Processes,
  place: LeadPlace,
  now: Instant,
): Promise<StuckLead | undefined> {
  const latest = await processes.latest(workflowIdOf(place));
  if (!latest?.isRunning) {
    return {
      ...standing(place),
      state: "missing",
      // Of a process that never was, its lead's stage is what has lasted since then.
      since: latest?.endedAt ?? place.stageSince,
      runId: null,
      why: latest
        ? `its process has ended though the ${place.kind} is open`
        : "it never had a process",
      remedy: remedyOf("missing", place.id),
    };
  }
  if (place.nextAt === null || place.nextAt.getTime() >= now) return undefined;
  return {
    ...standing(place),
    state: "late",
    since: place.nextAt,
    runId: latest.runId,
    why: whyLate,
    remedy: remedyOf("late", place.id),
  };
}

function standing(place: LeadPlace): Pick<StuckLead, "id" | "workflowId" | "stage" | "waitingOn"> {
  const { id, stage, waitingOn } = place;
  return { id, workflowId: workflowIdOf(place), stage, waitingOn };
}

function workflowIdOf(one: Pick<LeadPlace, "kind" | "id" | "cycle">): string {
  return processWorkflowId(one, one.cycle);
}

/** The lead or account that a process is about; null for any other. */
function subjectOf(workflowId: string): string | null {
  return leadOfWorkflowId(workflowId) ?? accountOfWorkflowId(workflowId);
}

/** A few questions at a time, in order. */
async function few<T, R>(all: readonly T[], ask: (one: T) => Promise<R>): Promise<R[]> {
  const found: R[] = [];
  for (let n = 0; n < all.length; n += atOnce)
    found.push(...(await Promise.all(all.slice(n, n + atOnce).map(ask))));
  return found;
}

import type { Instant } from "../handoff/time/calendar.ts";
import { openLeadsInOrder, type OpenLead } from "../store/inbox/reconcile.ts";
import type { Db } from "../store/postgres/db.ts";
import { mostShown } from "../store/views/system.ts";
import type { TemporalPort } from "./temporal.ts";

/** As many are asked for at once; a list of them comes in one answer. */
const rangeSize = 500;
const atOnce = 16;

/** Open leads that no process runs for. */
interface Missing {
  readonly ids: readonly string[];
  /** Whether every open lead was compared: in time, and there were not more than are shown. */
  readonly isWhole: boolean;
}

/**
 * Names open leads without a process, within `ms`. Ranges of leads in which as many processes run
 * as leads are open are passed over: to list all of a hundred thousand takes minutes. Of a lead
 * that the list lacks its process is asked, for the list lags. Null when Temporal does not say.
 */
export async function missingLeads(
  db: Db,
  temporal: Pick<TemporalPort, "runningLeads" | "countRunning" | "runsFor">,
  now: Instant,
  ms: number,
): Promise<Missing | null> {
  const end = performance.now() + ms;
  const ids: string[] = [];
  for (let after: string | undefined = ""; after !== undefined;) {
    if (performance.now() > end || ids.length >= mostShown) return { ids, isWhole: false };
    const open: OpenLead[] = await openLeadsInOrder(db, after, rangeSize, now);
    const isOnly = after === "" && open.length < rangeSize;
    const found = await missingAmong(temporal, open, isOnly);
    if (found === null) return ids.length === 0 ? null : { ids, isWhole: false };
    ids.push(...found);
    after = open.length === rangeSize ? open.at(-1)?.id : undefined;
  }
  return { ids: ids.slice(0, mostShown), isWhole: ids.length <= mostShown };
}

async function missingAmong(
  temporal: Pick<TemporalPort, "runningLeads" | "countRunning" | "runsFor">,
  open: readonly OpenLead[],
  isOnly: boolean,
): Promise<readonly string[] | null> {
  const [first, last] = [open[0], open.at(-1)];
  if (first === undefined || last === undefined) return [];
  const range = { first: first.id, last: last.id };
  if (!isOnly) {
    const count = (await temporal.countRunning?.(range)) ?? null;
    if (count === null) return null;
    if (count >= open.length) return [];
  }
  const running = (await temporal.runningLeads?.(range)) ?? null;
  if (running === null) return null;
  const suspects = open.filter(({ id, isSettled }) => isSettled && !running.has(id));
  const missing: string[] = [];
  for (let n = 0; n < suspects.length && missing.length < mostShown; n += atOnce) {
    const some = suspects.slice(n, n + atOnce);
    const runs = await Promise.all(
      some.map(async ({ id }) => (await temporal.runsFor?.(id)) ?? null),
    );
    if (runs.some((one) => one === null)) return null;
    missing.push(...some.flatMap(({ id }, k) => (runs[k] === false ? [id] : [])));
  }
  return missing;
}

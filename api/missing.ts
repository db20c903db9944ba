import type { Instant } from "../handoff/time/calendar.ts";
import { openLeadsInOrder, type OpenLead } from "../store/inbox/reconcile.ts";
import type { Db } from "../store/postgres/db.ts";
import { mostShown } from "../store/views/system.ts";
import { bounded } from "./http/bounded.ts";
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

type Asked = Pick<TemporalPort, "runningLeads" | "countOpen" | "runsFor">;

/** What is found so far; whoever waited for it takes it when the time is over. */
interface Search {
  readonly ids: string[];
  readonly end: number;
}

/** Searches under way: who asks meanwhile waits for the same one. */
const underWay = new WeakMap<Asked, Promise<Missing | null>>();

/**
 * Names open leads without a process, and after `ms` those that were found by then. Ranges of leads
 * in which as many processes say that their lead is open as leads are open are passed over: to list
 * all of a hundred thousand takes minutes. Of a lead that the list lacks its process is asked, for
 * the list lags. Null when Temporal does not say.
 */
export function missingLeads(
  db: Db,
  temporal: Asked,
  now: Instant,
  ms: number,
): Promise<Missing | null> {
  const same = underWay.get(temporal);
  if (same) return same;
  const search: Search = { ids: [], end: performance.now() + ms };
  const late = () => ({ ids: search.ids.slice(0, mostShown), isWhole: false });
  const found = bounded(ms, compareAll(search, db, temporal, now), late).finally(() =>
    underWay.delete(temporal),
  );
  underWay.set(temporal, found);
  return found;
}

/** One more than are shown says that there are more. */
function isOver({ ids, end }: Search): boolean {
  return ids.length > mostShown || performance.now() > end;
}

async function compareAll(
  search: Search,
  db: Db,
  temporal: Asked,
  now: Instant,
): Promise<Missing | null> {
  let isWhole = true;
  for (let after: string | undefined = ""; after !== undefined && isWhole;) {
    if (isOver(search)) isWhole = false;
    else {
      const open: OpenLead[] = await openLeadsInOrder(db, after, rangeSize, now);
      const isOnly = after === "" && open.length < rangeSize;
      const isSaid = await compare(search, temporal, open, isOnly);
      if (!isSaid && search.ids.length === 0) return null;
      isWhole = isSaid;
      after = open.length === rangeSize ? open.at(-1)?.id : undefined;
    }
  }
  return { ids: search.ids.slice(0, mostShown), isWhole };
}

/** Adds those of a range to what is found; false when not all of them could be compared. */
async function compare(
  search: Search,
  temporal: Asked,
  open: readonly OpenLead[],
  isOnly: boolean,
): Promise<boolean> {
  const [first, last] = [open[0], open.at(-1)];
  if (first === undefined || last === undefined) return true;
  const range = { first: first.id, last: last.id };
  if (!isOnly) {
    const count = (await temporal.countOpen?.(range)) ?? null;
    if (count === null) return false;
    // More than are open: leads that were closed and whose processes do not say so yet, which
    // could stand for as many that are missing.
    if (count === open.length) return true;
  }
  const running = (await temporal.runningLeads?.(range)) ?? null;
  if (running === null) return false;
  const suspects = open.filter(({ id, isSettled }) => isSettled && !running.has(id));
  for (let n = 0; n < suspects.length; n += atOnce) {
    if (isOver(search)) return false;
    const some = suspects.slice(n, n + atOnce);
    const runs = await Promise.all(
      some.map(async ({ id }) => (await temporal.runsFor?.(id)) ?? null),
    );
    search.ids.push(...some.flatMap(({ id }, k) => (runs[k] === false ? [id] : [])));
    if (runs.includes(null)) return false;
  }
  return search.ids.length <= mostShown;
}

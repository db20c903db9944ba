import type { CrmPort } from "../crm/crm.ts";

/**
 * The same CRM, each of whose calls is given up after `ms`: its outcome is unknown then, and
 * its caller tries again. The timeout is of each call and not of a whole sync: a CRM that is merely
 * slow would never be up to date.
 */
export function crmWithTimeout(crm: CrmPort, ms = 10_000): CrmPort {
  return {
    ...crm,
    upsertAccount: (account, signal) =>
      withTimeout(ms, signal, (own) => crm.upsertAccount(account, own)),
    upsertLead: (lead, signal) => withTimeout(ms, signal, (own) => crm.upsertLead(lead, own)),
    upsertTask: (task, signal) => withTimeout(ms, signal, (own) => crm.upsertTask(task, own)),
    closeTask: (key, signal) => withTimeout(ms, signal, (own) => crm.closeTask(key, own)),
    addNote: (note, signal) => withTimeout(ms, signal, (own) => crm.addNote(note, own)),
    upsertOpportunity: (opportunity, signal) =>
      withTimeout(ms, signal, (own) => crm.upsertOpportunity(opportunity, own)),
    findLead: (by, signal) => withTimeout(ms, signal, (own) => crm.findLead(by, own)),
    readLead: (crmId, signal) => withTimeout(ms, signal, (own) => crm.readLead(crmId, own)),
    changesSince: (cursor, limit, signal) =>
      withTimeout(ms, signal, (own) => crm.changesSince(cursor, limit, own)),
  };
}

/**
 * Does `work` with a signal that fires with `outer`, or after `ms` milliseconds; whether it is
 * heeded is up to the work. Not `AbortSignal.any([outer, AbortSignal.timeout(ms)])`: nothing holds
 * the signals inside it, so Node 20 collects them with its next garbage and the time never runs
 * out.
 */
export async function withTimeout<T>(
  ms: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const follow = () => own.abort(outer?.reason);
  const timer = setTimeout(
    () => own.abort(new DOMException(`${ms} ms are over`, "TimeoutError")),
    ms,
  );
  outer?.addEventListener("abort", follow, { once: true });
  if (outer?.aborted) follow();
  try {
    return await work(own.signal);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", follow);
  }
}

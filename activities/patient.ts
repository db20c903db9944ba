import type { CrmPort } from "../crm/crm.ts";

/**
 * The same CRM, each of whose calls is given up after `ms`: its outcome is unknown then, and whoever made it tries again.
 * Each call and not a whole sync, or a CRM that is merely slow would never be up to date.
 */
export function patient(crm: CrmPort, ms = 10_000): CrmPort {
  return {
    name: crm.name,
    upsertAccount: (account, signal) =>
      within(ms, signal, (own) => crm.upsertAccount(account, own)),
    upsertLead: (lead, signal) => within(ms, signal, (own) => crm.upsertLead(lead, own)),
    upsertTask: (task, signal) => within(ms, signal, (own) => crm.upsertTask(task, own)),
    closeTask: (key, signal) => within(ms, signal, (own) => crm.closeTask(key, own)),
    addNote: (note, signal) => within(ms, signal, (own) => crm.addNote(note, own)),
    upsertOpportunity: (opportunity, signal) =>
      within(ms, signal, (own) => crm.upsertOpportunity(opportunity, own)),
    findLead: (by, signal) => within(ms, signal, (own) => crm.findLead(by, own)),
    readLead: (crmId, signal) => within(ms, signal, (own) => crm.readLead(crmId, own)),
    changesSince: (cursor, limit, signal) =>
      within(ms, signal, (own) => crm.changesSince(cursor, limit, own)),
  };
}

/**
 * Does `work` with a signal that fires with `outer`, or after `ms` milliseconds; whether it is heeded is up to the work.
 * Not `AbortSignal.any([outer, AbortSignal.timeout(ms)])`: nothing holds the signals inside it, so Node 20 collects them
 * with its next garbage and the time never runs out.
 */
export async function within<T>(
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

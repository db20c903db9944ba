import type { Reconciled } from "./contract.ts";
import { inTheBackground } from "./proxies.ts";

/** More than any fleet has pages; a bound, not a promise. */
const mostPages = 200;

/**
 * Asked by the Schedule every few minutes: makes Postgres and Temporal agree again
 * (docs/process.md, "Outbox, inbox, reconciler").
 */
export async function reconcile(): Promise<Omit<Reconciled, "after">> {
  const sum = { restarted: 0, stuck: 0, stranded: 0, reminded: 0, broken: 0, swept: 0 };
  let after: string | null = "";
  for (let page = 0; page < mostPages && after !== null; page++) {
    const found: Reconciled = await inTheBackground.reconcile(Date.now(), after);
    for (const count of ["restarted", "stuck", "stranded", "reminded", "broken", "swept"] as const)
      sum[count] += found[count] ?? 0;
    after = found.after;
  }
  return sum;
}

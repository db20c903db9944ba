import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { Gauges } from "../../store/reports/gauges.ts";

/** Prometheus figures of one API process; labels are routes, stages and kinds, never people. */
export interface Metrics {
  /** Counts a request that was answered. */
  answered(route: string, status: number, seconds: number): void;
  /** Counts facts that a tracker told and may not set, by field. */
  refused(fields: readonly string[]): void;
  /** How long ago worker and relay were heard of, in seconds; null: not known. */
  beats(ages: Readonly<Record<"worker" | "relay", number | null>>): void;
  /**
   * The text of a scrape, with the state of the database and the broken processes as read at `now`;
   * null: could not be read.
   */
  text(state: Gauges | null, broken: number | null, now: Instant): Promise<string>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  let ofProcess = false;
  const requests = new Counter({
    name: "baton_requests_total",
    help: "Requests answered",
    labelNames: ["route", "status"],
    registers: [registry],
  });
  const latency = new Histogram({
    name: "baton_request_seconds",
    help: "Time to answer",
    labelNames: ["route"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1, 3],
    registers: [registry],
  });
  const refusedFacts = new Counter({
    name: "baton_tracked_facts_refused_total",
    help: "Facts that a tracking key told and may not set",
    labelNames: ["field"],
    registers: [registry],
  });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `baton_${name}`, help, labelNames, registers: [registry] });
  const databaseUp = gauge("database_up", "1 when the database answered this scrape");
  const leads = gauge("leads", "Leads by stage and what they wait for", ["stage", "waiting_on"]);
  const overdue = gauge("leads_overdue", "Leads past their deadline");
  const overdueAccounts = gauge(
    "accounts_overdue",
    "Accounts that are handed off and past their deadline",
  );
  const held = gauge("leads_held", "Leads on hold until somebody is there");
  const tasks = gauge("tasks_open", "Tasks that wait for a person", ["kind"]);
  const effects = gauge("effects", "Effects not carried out", ["kind", "state"]);
  const depth = gauge("queue_depth", "Rows of outbox and inbox not processed", ["queue"]);
  const oldest = gauge("queue_oldest_seconds", "Age of the oldest of them", ["queue"]);

  const differences = gauge(
    "tally_differences",
    "Kept counts that the last recount found to be wrong; absent before the first one",
  );
  const accountDifferences = gauge(
    "account_differences",
    "Accounts and contacts that the last recount found to be kept wrong; absent before the first",
  );
  const heartbeat = gauge(
    "heartbeat_age_seconds",
    "Time since worker and relay were heard of; absent when they never were, or Postgres is away",
    ["part"],
  );
  const brokenNow = gauge(
    "processes_broken",
    "Processes whose workflow tasks fail; absent when Temporal does not answer",
  );

  return {
    answered(route, status, seconds) {
      requests.inc({ route, status: String(status) });
      latency.observe({ route }, seconds);
    },
    refused(fields) {
      for (const field of fields) refusedFacts.inc({ field });
    },
    beats(ages) {
      heartbeat.reset();
      for (const [part, seconds] of Object.entries(ages))
        if (seconds !== null) heartbeat.set({ part }, seconds);
    },
    async text(state, broken, now) {
      // Node's own figures start observers; only a process that is scraped needs them.
      if (!ofProcess) collectDefaultMetrics({ register: registry, prefix: "baton_api_" });
      ofProcess = true;
      databaseUp.set(state ? 1 : 0);
      if (broken === null) brokenNow.remove();
      else brokenNow.set(broken);
      for (const stale of [leads, tasks, effects, depth, oldest]) stale.reset();
      if (state) {
        overdue.set(state.overdue);
        overdueAccounts.set(state.overdueAccounts);
        held.set(state.held);
        if (state.differences === null) differences.remove();
        else differences.set(state.differences);
        if (state.accountDifferences === null) accountDifferences.remove();
        else accountDifferences.set(state.accountDifferences);
        for (const row of state.leads)
          leads.set({ stage: row.stage, waiting_on: row.waiting_on }, row.n);
        for (const { kind, open } of state.tasks) tasks.set({ kind }, open);
        for (const { of, name, waiting, oldest: since, failed } of state.backlogs)
          if (of === "effect") {
            if (waiting) effects.set({ kind: name, state: "open" }, waiting);
            if (failed) effects.set({ kind: name, state: "failed" }, failed);
          } else {
            const queue = `${of}/${name}`;
            depth.set({ queue }, waiting);
            oldest.set({ queue }, since ? Math.max(0, now - since.getTime()) / 1000 : 0);
          }
      }
      return registry.metrics();
    },
  };
}

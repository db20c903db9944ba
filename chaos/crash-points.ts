import type { CrashPoint } from "../store/postgres/crash-point.ts";

/**
 * Which of our processes passes a point, and what is written by then though nobody has heard of it.
 */
export const crashPlaces = {
  "intake-committed": {
    process: "api",
    written: "lead, facts and the telling that starts its process",
  },
  "action-decided": {
    process: "api",
    written: "the action, its answer, and all that follows from it",
  },
  "answer-kept": { process: "api", written: "the answer under its Idempotency-Key" },
  "outbox-told": {
    process: "worker",
    written: "starts and signals in Temporal, not marked as told",
  },
  "pick-committed": {
    process: "worker",
    written: "the routing dispatcher's pick, without the decision that it is for",
  },
  "decision-committed": {
    process: "worker",
    written: "a decision, of which the workflow has not heard",
  },
  "effect-done": { process: "worker", written: "in CRM or mail, not marked in the ledger" },
  "inbox-taken-over": { process: "worker", written: "what a CRM event said" },
} as const satisfies Record<
  CrashPoint,
  { readonly process: "api" | "worker"; readonly written: string }
>;

import type { CrashPoint } from "../store/crash-point.ts";

/** Which of our processes passes a point, and what is written by then though nobody has heard of it. */
export const crashPlaces = {
  "intake-committed": {
    process: "api",
    written: "lead, facts and the telling that starts its process",
  },
  "action-noted": { process: "api", written: "the action's row; its process has not been asked" },
  "update-carried-out": { process: "api", written: "the action's result" },
  "answer-kept": { process: "api", written: "the answer under its Idempotency-Key" },
  "outbox-told": {
    process: "worker",
    written: "starts and signals in Temporal, not marked as told",
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

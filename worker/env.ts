import { z } from "zod";
import { crashSetting } from "../store/crash-point.ts";

const environment = z.object({
  DATABASE_URL: z.string().min(1),
  TEMPORAL_ADDRESS: z.string().min(1),
  TEMPORAL_NAMESPACE: z.string().min(1).default("default"),
  BATON_TASK_QUEUE: z.string().min(1).default("baton"),
  SMTP_URL: z.string().optional(),
  MAIL_FROM: z.string().optional(),
  PUBLIC_URL: z.string().default("http://127.0.0.1:3000"),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  /** Worker Deployment Versioning: both or neither (docs/changing-workflows.md). */
  BATON_DEPLOYMENT: z.string().optional(),
  BATON_BUILD_ID: z.string().optional(),
  /** Rehearsals only (docs/chaos.md): where this process ends as kill -9 would end it. */
  BATON_CRASH_AT: z.string().regex(crashSetting).optional(),
});

export type WorkerSettings = z.infer<typeof environment>;

/** Reads the worker's settings; throws one sentence that names each wrong variable. */
export function readWorkerSettings(env: NodeJS.ProcessEnv): WorkerSettings {
  const read = environment.safeParse(env);
  if (read.success) return read.data;
  throw new Error(
    `the worker cannot start: ${read.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join("; ")}`,
  );
}

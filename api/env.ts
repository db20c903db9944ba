import { z } from "zod";
import { crashSetting } from "../store/crash-point.ts";

const environment = z.object({
  DATABASE_URL: z.string().min(1),
  TEMPORAL_ADDRESS: z.string().min(1),
  TEMPORAL_NAMESPACE: z.string().min(1).default("default"),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .pipe(z.number().min(0).max(65_535))
    .default(3000),
  /** Where to listen; a container needs 0.0.0.0, everybody else keeps to this machine. */
  HOST: z.string().min(1).default("127.0.0.1"),
  PUBLIC_URL: z.string().min(1).optional(),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  /** Rehearsals only (docs/chaos.md): where this process ends as kill -9 would end it. */
  BATON_CRASH_AT: z.string().regex(crashSetting).optional(),
});

export type ApiSettings = Omit<z.output<typeof environment>, "PUBLIC_URL"> & {
  readonly publicUrl: string;
  /** From WEBHOOK_SECRET_<SOURCE>: one or, while one is being replaced, several, separated by spaces. */
  readonly webhookSecrets: Readonly<Record<string, readonly string[]>>;
};

/** Reads the API's settings; a set but empty variable means "not set". Throws one sentence that names each wrong variable. */
export function readApiSettings(env: NodeJS.ProcessEnv): ApiSettings {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ""),
  );
  const read = environment.safeParse(given);
  if (!read.success)
    throw new Error(
      `the API cannot start: ${read.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ")}`,
    );
  const { PUBLIC_URL, ...settings } = read.data;
  const webhookSecrets = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => {
      const source = /^WEBHOOK_SECRET_([A-Z0-9_]+)$/.exec(name)?.[1];
      return source === undefined || value === undefined
        ? []
        : [[source.toLowerCase().replaceAll("_", "-"), value.trim().split(/\s+/)]];
    }),
  );
  return {
    ...settings,
    webhookSecrets,
    publicUrl: (PUBLIC_URL ?? `http://127.0.0.1:${settings.PORT}`).replace(/\/+$/, ""),
  };
}

import { pino, type Logger } from "pino";
import { SettingError } from "./settings.ts";

/**
 * The log of a process: JSON lines on stdout and nothing else. What Node would print as text comes
 * as lines too: warnings, and an error that nobody caught, which ends the process.
 */
export function processLog(name: string, level: string): Logger {
  const log = pino({ name, level });
  process.removeAllListeners("warning");
  process.on("warning", ({ name: warning, message }) => log.warn({ warning }, message));
  for (const event of ["uncaughtException", "unhandledRejection"] as const)
    process.on(event, (error: unknown) => endWith(name, error));
  return log;
}

/**
 * Says as one line why the process ends, and ends it. A known trouble is a sentence with its
 * remedy; for any other the places in the code stand beside it, because somebody has to mend it.
 */
export function endWith(name: string, error: unknown): never {
  const { code } = (error ?? {}) as { code?: unknown };
  const known = sentenceOf(error);
  pino({ name }).fatal(
    {
      error: error instanceof Error ? error.name : typeof error,
      ...(code === undefined ? {} : { code }),
      ...(known === null ? { at: placesOf(error) } : {}),
    },
    known ?? "the process ends by an error that nobody expected",
  );
  process.exit(1);
}

/** What is said of a trouble that whoever runs Baton can end; null: it is ours to mend. */
function sentenceOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code } = error as { code?: unknown };
  if (error instanceof SettingError) return error.message;
  if (error.name === "TransportError" || error.name === "ServiceError")
    return `Temporal cannot be reached: ${firstLine(error)}; see that it runs at TEMPORAL_ADDRESS`;
  if (typeof code !== "string") return null;
  if (code === "EADDRINUSE") return `${firstLine(error)}; set PORT to a free one`;
  // Of Postgres (five letters) what is about the server or the login, and Node's network errors.
  if (/^(08|28|3D|53|57)/.test(code) || /^E[A-Z]{5,}$/.test(code))
    return `Postgres cannot be used: ${firstLine(error)}; see that it runs at DATABASE_URL`;
  return null;
}

function firstLine({ message }: Error): string {
  return message.split("\n")[0]?.slice(0, 300) ?? "";
}

/** `file:line` of the first places in our code; the message can quote what people wrote. */
export function placesOf(error: unknown): string[] {
  const { stack } = (error ?? {}) as { stack?: unknown };
  if (typeof stack !== "string") return [];
  return stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 6)
    .map((line) => line.trim().replace(/\(?(file:)?\/\S*\/(?=[^/]+\/[^/]+$)/, ""));
}

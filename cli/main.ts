import { CommandError, type Command, type Io } from "./command.ts";

/** Loaded only when called: `baton doctor` must work where the rest does not. */
const COMMANDS: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  start: () => import("./commands/start.ts"),
  agreement: () => import("./commands/agreement.ts"),
  roster: () => import("./commands/roster.ts"),
  lead: () => import("./commands/lead.ts"),
  import: () => import("./commands/import.ts"),
  "history-import": () => import("./commands/history-import.ts"),
  explain: () => import("./commands/explain.ts"),
  verify: () => import("./commands/verify.ts"),
  report: () => import("./commands/report.ts"),
  play: () => import("./commands/play.ts"),
  sample: () => import("./commands/sample.ts"),
  review: () => import("./commands/review.ts"),
  queue: () => import("./commands/queue.ts"),
  board: () => import("./commands/board.ts"),
  stuck: () => import("./commands/stuck.ts"),
  "sign-in": () => import("./commands/sign-in.ts"),
  token: () => import("./commands/token.ts"),
  worker: () => import("./commands/worker.ts"),
  api: () => import("./commands/api.ts"),
  migrate: () => import("./commands/migrate.ts"),
  doctor: () => import("./commands/doctor.ts"),
  test: () => import("./commands/test.ts"),
};

/** Runs one subcommand; resolves to the exit code: 0 good, 1 a problem, 2 called wrongly. */
export async function main(argv: string[], io: Io): Promise<number> {
  const [name = "help", ...args] = argv;
  if (["help", "--help", "-h"].includes(name)) {
    await listCommands(io);
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!load) {
    io.err(`There is no command "${name}"; the commands are ${Object.keys(COMMANDS).join(", ")}.`);
    return 2;
  }
  const { command } = await load();
  // Tests are run by vitest, which has its own --help.
  if (name !== "test" && (args.includes("--help") || args.includes("-h"))) {
    io.out(command.usage);
    return 0;
  }
  try {
    return await command.run(args, io);
  } catch (error) {
    if (error instanceof CommandError) {
      io.err(error.message);
      return 1;
    }
    if (isMisuse(error)) {
      io.err(`${error.message}\n\n${command.usage}`);
      return 2;
    }
    throw error;
  }
}

async function listCommands(io: Io): Promise<void> {
  io.out("baton <command> [options]; `baton <command> --help` says more\n");
  for (const load of Object.values(COMMANDS)) {
    const { command } = await load();
    io.out(`  ${command.name.padEnd(14)} ${command.summary}`);
  }
}

/** What `parseArgs` throws for an unknown or incomplete option. */
function isMisuse(error: unknown): error is Error {
  return (
    error instanceof Error &&
    String((error as { code?: unknown }).code).startsWith("ERR_PARSE_ARGS")
  );
}

/** Where a command writes: one line per call, without the line end. */
export type Io = {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
};

/** One subcommand of `baton`; each lives in its own file and is listed in `main.ts`. */
export type Command = {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What `baton <name> --help` prints, beginning with the call itself. */
  readonly usage: string;
  /**
   * Runs with the arguments after the command's name; resolves to the exit code.
   * A thrown `CommandError` is printed as its one sentence and ends with exit code 1.
   */
  readonly run: (args: string[], io: Io) => Promise<number>;
};

/** Something the operator can put right. The message is one sentence that names the remedy. */
export class CommandError extends Error {}

import { rm, writeFile } from "node:fs/promises";
import { every } from "./every.ts";
import type { Part } from "./parts.ts";

export interface ReadyFileDeps {
  readonly file: string;
  readonly clock: () => number;
  readonly isRunning: () => boolean;
  readonly failed: (error: unknown) => void;
}

const everyMs = 2_000;

/**
 * Writes the file anew every two seconds while the worker works, for probes that look at its age: a
 * worker has no port. One of an earlier process, or of a worker that stops, is removed.
 */
export function keepReadyFile({ file, clock, isRunning, failed }: ReadyFileDeps): Part {
  const look = async (): Promise<void> => {
    if (isRunning()) await writeFile(file, `${new Date(clock()).toISOString()}\n`);
    else await rm(file, { force: true });
  };
  const looking = every(everyMs, look, failed);
  void looking.now();
  return {
    async stop() {
      await looking.stop();
      await rm(file, { force: true });
    },
  };
}

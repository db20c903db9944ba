/** Something that runs beside others until it is stopped. */
export interface Part {
  /** Ends it, and resolves when what is under way is over. */
  stop(): Promise<void>;
}

export interface Parts {
  /** Keeps a part that has just been started, and gives it back. */
  add<T extends Part>(part: T): T;
  /**
   * Stops all parts, one after the other, the latest first: what was started later uses what was
   * started before. A part that fails to stop is told of and does not keep the others running.
   */
  stop(): Promise<void>;
}

/** The parts of a process, in the order in which they were started. */
export function partsOfProcess(failed: (error: unknown) => void): Parts {
  const started: Part[] = [];
  return {
    add(part) {
      started.push(part);
      return part;
    },
    async stop() {
      for (let part = started.pop(); part !== undefined; part = started.pop()) {
        try {
          await part.stop();
        } catch (error) {
          failed(error);
        }
      }
    },
  };
}

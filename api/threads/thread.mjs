import { register } from "tsx/esm/api";

/** Where a thread begins: it reads TypeScript, whatever way its process was started. */
register();
const work = await import("./work.ts");

export default ({ kind, given, begun }) => {
  Atomics.store(begun, 0, 1);
  return work[kind](given);
};

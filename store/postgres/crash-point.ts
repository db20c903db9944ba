/**
 * Places right after a write and before its reply, where a rehearsal may end the process as kill -9
 * does (docs/chaos.md). Outside of a rehearsal nothing happens there.
 */
export const crashPoints = [
  "intake-committed",
  "action-decided",
  "answer-kept",
  "outbox-told",
  "pick-committed",
  "decision-committed",
  "effect-done",
  "inbox-taken-over",
] as const;
export type CrashPoint = (typeof crashPoints)[number];

/** Told each time such a place is passed. */
export type CrashHook = (point: CrashPoint) => void;

/** `<point>` or `<point>:<n>`: at the n-th passing, the first when nothing is said. */
export const crashSetting = new RegExp(`^(${crashPoints.join("|")})(:[1-9]\\d{0,5})?$`);

/** Calls `die` when the named place is passed for the n-th time; never when `at` is undefined. */
export function crashHook(at: string | undefined, die: () => void): CrashHook | undefined {
  if (at === undefined) return undefined;
  const [point, nth = "1"] = at.split(":");
  let left = Number(nth);
  return (passed) => {
    if (passed !== point) return;
    left -= 1;
    if (left === 0) die();
  };
}

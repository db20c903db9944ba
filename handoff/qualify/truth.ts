/**
 * A condition holds, does not hold, or cannot be judged because a fact is missing
 * (docs/agreement.md, "Conditions").
 */
export type Truth = true | false | "unknown";

/** One false decides; otherwise one unknown leaves it open. */
export function allOf(results: readonly Truth[]): Truth {
  if (results.includes(false)) return false;
  return results.includes("unknown") ? "unknown" : true;
}

/** One true decides; otherwise one unknown leaves it open. */
export function anyOf(results: readonly Truth[]): Truth {
  if (results.includes(true)) return true;
  return results.includes("unknown") ? "unknown" : false;
}

export function noneOf(results: readonly Truth[]): Truth {
  const any = anyOf(results);
  return any === "unknown" ? "unknown" : !any;
}

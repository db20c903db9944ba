import type { Place } from "./place.ts";
import type { Shape } from "./shape.ts";
import { from, plainName, text } from "./shape.ts";
import { joinPath } from "./source.ts";

export function name(what: string): Shape<string> {
  return from(text(`the name of a ${what}`), (value, place, node) => {
    const problem = plainName(value);
    return problem === null ? value : place.wrong(`expected ${problem}, found "${value}"`, node);
  });
}

/** Reports every name that stands twice in a list, at its second place. */
export function uniqueNames(place: Place, names: readonly string[], what: string): boolean {
  const twice = names.flatMap((one, i) => (names.indexOf(one) < i ? [i] : []));
  for (const i of twice)
    place.reading.report(
      "problems",
      joinPath(place.path, i),
      `expected a ${what} name that stands once, found "${names[i]}" again`,
    );
  return twice.length === 0;
}

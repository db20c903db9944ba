import type { SourcePlace } from "./place.ts";
import type { Shape } from "./shape.ts";
import { languageCode } from "../spellings/language.ts";
import { from, plainName, standingIn, text, unreadWord } from "./shape.ts";
import { joinPath } from "./source.ts";
import { didYouMean, listed } from "./words.ts";

export function name(what: string): Shape<string> {
  const plain = from(text(`the name of a ${what}`), (value, place, node) => {
    const problem = plainName(value);
    return problem === null ? value : place.wrong(`expected ${problem}, found "${value}"`, node);
  });
  return standingIn(plain, unreadWord);
}

/** Those whose people see a queue: roles of the roster and of tokens, and their longer names. */
const queues = [
  "marketing-ops",
  "marketing",
  "sales-ops",
  "sales-operations",
  "manager",
  "operator",
  "revops",
];

/**
 * The queue of a role, or one with a name of its own. A name that is nearly a role's is warned of:
 * those people do not see what waits there.
 */
const queue: Shape<string> = from(name("queue"), (value, place, node) => {
  const meant = didYouMean(value, queues);
  if (!queues.includes(value) && meant !== "")
    place.warn(
      `expected the queue of a role (${listed(queues)}) or a name unlike them, found ` +
        `"${value}"${meant}`,
      node,
    );
  return value;
});

export const role: Shape<string> = standingIn(queue, unreadWord);

/** A language by its name or code, as its ISO 639-1 code. */
export const language: Shape<string> = from(text("a language such as de"), (word, place, node) => {
  const code = languageCode(word);
  if (code === undefined)
    place.letsPass(`expected a language by its name or ISO 639 code, found "${word}"`, node);
  return code ?? word;
});

/** Reports every name that stands twice in a list, at its second place. */
export function uniqueNames(place: SourcePlace, names: readonly string[], what: string): void {
  const twice = names.flatMap((one, i) => (names.indexOf(one) < i ? [i] : []));
  for (const i of twice)
    place.reading.report(
      "problems",
      joinPath(place.path, i),
      `expected a ${what} name that stands once, found "${names[i]}" again`,
    );
}

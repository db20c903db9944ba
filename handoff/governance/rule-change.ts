import { fold } from "../facts/text.ts";

/** One change between two versions, as people say it in the meeting where it is signed. */
export interface RuleChange {
  /** Whose rule it is: `lead type standard-mql`, `status of demo-request`, `dach`. */
  readonly about: string;
  /** What became of it: `band C added`, `same day -> 1 business day`. */
  readonly change: string;
}

/** `status of demo-request: same day -> 1 business day` */
export function printRuleChange({ about, change }: RuleChange): string {
  return `${about}: ${change}`;
}

/** A word or number that became another; nothing when both read the same. */
export function moved(about: string, before: string, after: string, what = ""): RuleChange[] {
  const named = what === "" ? "" : `${what} `;
  return before === after ? [] : [{ about, change: `${named}${before} -> ${after}` }];
}

/** Entries that one list has and the other has not; their order does not count. */
export function addedAndRemoved(
  about: string,
  before: readonly string[],
  after: readonly string[],
  what = "",
): RuleChange[] {
  const named = what === "" ? "" : `${what} `;
  return [
    ...lacking(before, after, String).map((one) => ({ about, change: `${named}${one} removed` })),
    ...lacking(after, before, String).map((one) => ({ about, change: `${named}${one} added` })),
  ];
}

/** The same; where one entry took the place of another, in one sentence. */
export function exchanged(
  about: string,
  before: readonly string[],
  after: readonly string[],
  what = "",
): RuleChange[] {
  const [gone, come] = [lacking(before, after, String), lacking(after, before, String)];
  const [was, now] = [gone[0], come[0]];
  return was !== undefined && now !== undefined && gone.length + come.length === 2
    ? moved(about, was, now, what)
    : addedAndRemoved(about, before, after, what);
}

/**
 * Words that one list has and the other has not, read without regard to capitals: another spelling
 * of one, and a word that stands twice, are no change. `say` puts them into words.
 */
export function wordsAddedAndRemoved(
  about: string,
  before: readonly string[],
  after: readonly string[],
  say: (word: string) => string = String,
  what = "",
): RuleChange[] {
  const once = (words: readonly string[]) =>
    new Map(words.toReversed().map((word) => [fold(word), word]));
  const [were, are] = [once(before), once(after)];
  const only = (of: Map<string, string>, among: Map<string, string>) =>
    [...of].flatMap(([key, word]) => (among.has(key) ? [] : [say(word)])).toReversed();
  return addedAndRemoved(about, only(were, are), only(are, were), what);
}

/**
 * What of the first list has no counterpart of the same key in the second; an entry given twice
 * counts twice. A file holds thousands of words, so each is looked at once.
 */
export function lacking<T>(of: readonly T[], among: readonly T[], keyOf: (one: T) => string): T[] {
  const left = new Map<string, number>();
  for (const key of among.map(keyOf)) left.set(key, (left.get(key) ?? 0) + 1);
  return of.filter((one) => {
    const key = keyOf(one);
    const there = left.get(key) ?? 0;
    left.set(key, there - 1);
    return there <= 0;
  });
}

/** How entries of a table are told apart, said and compared. */
export interface Table<T> {
  /** `lead type demo-request` */
  readonly about: (name: string) => string;
  /** An entry that was added or removed, in words. */
  readonly say: (entry: T) => string;
  readonly changes: (name: string, before: T, after: T) => RuleChange[];
}

/** Entries by name: what was removed, changed, added, and what only has another name now. */
export function tabled<T>(
  before: Readonly<Record<string, T>>,
  after: Readonly<Record<string, T>>,
  table: Table<T>,
): RuleChange[] {
  const gone = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  const come = Object.keys(after).filter((name) => !Object.hasOwn(before, name));
  const renamed = new Map<string, string>();
  const bySaid = new Map<string, string[]>();
  for (const name of come) {
    const said = table.say(after[name] as T);
    const alike = bySaid.get(said);
    if (alike) alike.push(name);
    else bySaid.set(said, [name]);
  }
  for (const name of gone) {
    const alike = bySaid.get(table.say(before[name] as T)) ?? [];
    const same = alike.findIndex(
      (other) => table.changes(name, before[name] as T, after[other] as T).length === 0,
    );
    if (same >= 0) renamed.set(name, alike.splice(same, 1)[0] ?? name);
  }
  const isRenamed = new Set(renamed.values());
  return [
    ...gone.map((name) => {
      const now = renamed.get(name);
      return {
        about: table.about(name),
        change: now === undefined ? "removed" : `renamed to ${now}`,
      };
    }),
    ...Object.keys(before).flatMap((name) =>
      Object.hasOwn(after, name) ? table.changes(name, before[name] as T, after[name] as T) : [],
    ),
    ...come.flatMap((name) => {
      if (isRenamed.has(name)) return [];
      const said = table.say(after[name] as T);
      return [{ about: table.about(name), change: said === "" ? "added" : `added (${said})` }];
    }),
  ];
}

/**
 * Entries whose order matters by name; a name that stands several times is numbered from the second
 * on.
 */
export function byName<T>(
  entries: readonly T[],
  nameOf: (entry: T) => string,
): Readonly<Record<string, T>> {
  const seen = new Map<string, number>();
  const named: [string, T][] = entries.map((entry) => {
    const name = nameOf(entry);
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return [times === 1 ? name : `${name} (${times})`, entry];
  });
  return Object.fromEntries(named);
}

/** Whether entries that both sides have stand in another order. */
export function reordered(
  about: string,
  before: readonly string[],
  after: readonly string[],
): RuleChange[] {
  const kept = (names: readonly string[], others: readonly string[]) => {
    const there = new Set(others);
    return names.filter((name) => there.has(name)).join(", ");
  };
  return moved(about, kept(before, after), kept(after, before), "order");
}

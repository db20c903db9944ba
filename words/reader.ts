import { formatLocal } from "../handoff/time/calendar.ts";

/** For whom a sentence is made: how they read times, and how they know people. */
export interface Reader {
  readonly time: (at: Date) => string;
  /** A person of the roster by id. */
  readonly person: (repId: string) => string;
  /** A stage by its name in the record. */
  readonly stage: (stage: string) => string;
  /** Who did what, by its name in the record. */
  readonly action: (action: string, who: string) => string;
  /** What is said with names of the record in it, such as `chat_request`. */
  readonly code: (said: string) => string;
}

/** Times in UTC to the second, everything else by its name in the record, to be looked up. */
export const byRecord: Reader = {
  time: utc,
  person: (repId) => repId,
  stage: (stage) => stage,
  action: (action, who) => `${action} by ${who}`,
  code: (said) => said,
};

/** `2026-11-20 12:00:00Z` */
export function utc(at: Date): string {
  return at
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
}

/** A moment as it is kept, by the reader's format. */
export function moment(reader: Reader, at: string | number): string {
  return reader.time(new Date(at));
}

/** The same moment in UTC, and on the wall clock of a zone. */
export function utcAndLocal(at: Date, zone: string | null): string {
  return zone === null ? utc(at) : `${utc(at)} (${formatLocal(zone, at.getTime())})`;
}

import type { Reply, Sending, Served } from "./served.ts";
import type { HostileWorld } from "../world.ts";
import type { Persona } from "../../../support/people-world.ts";

/** One hostile input. */
export interface Attack {
  readonly what: string;
  readonly send: () => Promise<Reply>;
  /** It never ends: the connection may be cut while it is being sent, and the answer lost with it. */
  readonly isEndless?: true;
}

/** Inputs of one kind, all of which are refused. */
export interface Group {
  readonly name: string;
  readonly attacks: readonly Attack[];
}

export interface Target {
  readonly world: HostileWorld;
  readonly api: Served;
  /** Everything that is tried, and not a choice that fits into a run of all tests. */
  readonly isLong: boolean;
}

/** Words that hostile inputs carry and no answer, error or log may repeat. */
export const mark = {
  name: "Zacharias Quillfeather",
  word: "quillfeather",
  email: "zacharias@quillfeather.example.com",
  phone: "+49 1511 7654321",
} as const;
export const marks = /quillfeather|76\s?54\s?321/i;

/** The headers of somebody with a token; null: of nobody. */
export function headersOf(
  { world }: Pick<Target, "world">,
  as: Persona | null = "operator",
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    ...(as === null ? {} : { authorization: `Bearer ${world.people.token(as)}` }),
    ...more,
  };
}

/** An attack that is a request with a JSON body, or none. */
export function asks(
  target: Target,
  what: string,
  method: string,
  path: string,
  {
    as = "operator",
    body,
    headers = {},
  }: {
    readonly as?: Persona | null;
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Attack {
  const json = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const sending: Sending = {
    headers: headersOf(target, as, {
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    }),
    ...(json === undefined ? {} : { body: json }),
  };
  return { what, send: () => target.api.send(method, asciiOf(target.world.at(path)), sending) };
}

/** Node sends ASCII alone; what is escaped already stays as it is. */
function asciiOf(path: string): string {
  return path.replaceAll(/[^\x21-\x7e]+/gu, encodeURIComponent);
}

/** An attack that is bytes. */
export function says(target: Target, what: string, bytes: string): Attack {
  return { what, send: () => target.api.say(bytes) };
}

/** Every `step`-th of a list in a short run, beginning somewhere; all of it in a long one. */
export function some<T>({ isLong }: Target, list: readonly T[], step: number, from = 0): T[] {
  return isLong ? [...list] : list.filter((_, n) => (n + from) % step === 0);
}

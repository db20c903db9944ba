import type { Db } from "../../store/postgres/db.ts";
import type { Asker, Caller } from "../deps.ts";

/** Answers that are under way, by whom they are asked of and for whom: each request has its caller. */
const underWay = new WeakMap<Db, WeakMap<Caller, Map<string, Promise<unknown>>>>();

/**
 * The answers on a page rest on the same rows: who asks for `what` while another part of the request
 * waits for it shares its answer. Later it is asked again, for the request may have changed it.
 */
export function sharedWhileAsked<T>(
  db: Db,
  { var: { caller } }: Asker,
  what: string,
  ask: () => Promise<T>,
): Promise<T> {
  let ofDb = underWay.get(db);
  if (!ofDb) underWay.set(db, (ofDb = new WeakMap()));
  let ofRequest = ofDb.get(caller);
  if (!ofRequest) ofDb.set(caller, (ofRequest = new Map()));
  const asked = ofRequest;
  const same = asked.get(what) as Promise<T> | undefined;
  if (same) return same;
  const answer = ask().finally(() => asked.delete(what));
  asked.set(what, answer);
  return answer;
}

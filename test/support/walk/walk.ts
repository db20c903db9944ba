import { isDeepStrictEqual } from "node:util";
import { decide } from "../../../handoff/process/decide.ts";
import type { Event } from "../../../handoff/process/event.ts";
import type { Situation } from "../../../handoff/process/situation.ts";
import { fromStored, outcomeOf, toStored } from "../../../handoff/process/stored.ts";
import { calendars } from "../situation.ts";
import { actionWasDue, Broken, changesNothingMore, momentCodes, promises } from "./promises.ts";
import type { Step } from "./steps.ts";
import { eventOf, load, newWorld, versions, written, type World } from "./world.ts";

export interface Tally {
  steps: number;
  decisions: number;
  refused: number;
  lives: number;
  readonly seen: Map<string, number>;
}

export function newTally(): Tally {
  return { steps: 0, decisions: 0, refused: 0, lives: 0, seen: new Map() };
}

/** Walks from one arrival through all steps; throws at the first promise that does not hold. */
export function walk(version: number, steps: readonly Step[], tally: Tally): void {
  const world = newWorld(version);
  const path: string[] = [];
  for (const step of [{ do: "new-life" } as const, ...steps]) {
    world.n += 1;
    const event = eventOf(world, step);
    if (event === null) continue;
    path.push(tell(event));
    try {
      take(world, event, tally);
    } catch (error) {
      const { process } = world.at;
      const where = `${process.stage}/${process.waitingOn} of ${process.owner ?? process.queue}`;
      const lately = path.slice(-12).join("\n  ");
      throw new Error(`${lately}\n  => ${(error as Error).message} (now ${where})`, {
        cause: error,
      });
    }
  }
  tally.lives += world.lives + 1;
}

function tell(event: Event): string {
  if (event.kind === "routed") return `routed ${event.round}: ${JSON.stringify(event.routed)}`;
  if (event.kind !== "action") return event.kind;
  const { name, by, body, receivedAt, seen } = event.action;
  const received = new Date(receivedAt).toISOString();
  return `${name} ${JSON.stringify(body)} by ${by}, ${received}, saw ${JSON.stringify(seen)}`;
}

function take(world: World, event: Event, tally: Tally): void {
  const actor = event.kind === "action" ? event.action.by : null;
  const before = freeze(load(world, actor));
  freeze(event);
  const outcome = decide(before, event);
  tally.steps += 1;
  const { stage, waitingOn } = before.process;
  const name = event.kind === "action" ? event.action.name : event.kind;
  const key = `${stage}/${waitingOn} ${name}`;
  tally.seen.set(key, (tally.seen.get(key) ?? 0) + 1);
  // Kept decisions are taken again by `verify`; one of forty is enough here.
  if (tally.steps % 40 === 0) storesAndRepeats(before, event);
  const code = "refused" in outcome ? outcome.refused.code : null;
  if (event.kind === "action") refusedWhenDue(world, before, event, code);
  if ("refused" in outcome) {
    tally.refused += 1;
    return;
  }
  tally.decisions += 1;
  freeze(outcome);
  written(world, before, event, outcome);
  world.lastEvent = event;
  const taken = { world, before, event, decision: outcome };
  for (const promise of promises) promise(taken);
  // Each event again would double the time of the walk; every second one is enough.
  if (world.n % 2 === 0) return;
  const again = decide(freeze(load(world, actor)), event);
  if (!("refused" in again)) changesNothingMore(taken, again, event);
}

function refusedWhenDue(
  world: World,
  before: Situation,
  event: Extract<Event, { kind: "action" }>,
  code: string | null,
): void {
  const due = actionWasDue(before, event.action, world);
  if (due !== null && (code === null || !momentCodes.includes(code))) {
    throw new Broken(`must be refused (${due}), but: ${code ?? "taken"}`);
  }
  // These two refuse with this code what is said, too: `to`, and `return` from nurture.
  const { name } = event.action;
  const byBody = (name === "advance" || name === "decideReview") && code === "not-possible-now";
  if (due === null && code !== null && momentCodes.includes(code) && !byBody) {
    throw new Broken(`refused as ${code}, though its moment is right`);
  }
}

/** The same situation and event give the same outcome, also after a way through the database. */
function storesAndRepeats(before: Situation, event: Event): void {
  const first = outcomeOf(before, event);
  const stored = JSON.parse(JSON.stringify({ at: toStored(before), event })) as {
    at: ReturnType<typeof toStored>;
    event: Event;
  };
  const version = versions[Number(before.agreementId.slice(3))]!;
  const again = outcomeOf(fromStored(stored.at, version, calendars), stored.event);
  const plain = (outcome: unknown): unknown => JSON.parse(JSON.stringify(outcome));
  if (isDeepStrictEqual(plain(first), plain(again))) return;
  throw new Broken("kept and taken again it differs");
}

/** Nothing may change what it was given. What is frozen already is passed over. */
function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
  return value;
}

import type { CrashPoint } from "../store/postgres/crash-point.ts";
import { crashPlaces } from "./crash-points.ts";
import type { LinkFault } from "./proxy.ts";
import { drawFrom, type Draw } from "./random.ts";
import { linkNames, processNames, type LinkName, type ProcessName } from "./world.ts";

/**
 * How the CRM answers while it is in trouble; `slow` for longer than anybody waits is a CRM that is
 * silent.
 */
export type CrmTrouble = { readonly kind: "down" | "busy" | "slow"; readonly waitMs: number };

/** One thing that goes wrong. */
export type Fault =
  | { readonly kind: "kill"; readonly process: ProcessName; readonly signal: "SIGKILL" | "SIGQUIT" }
  | {
      readonly kind: "crash";
      readonly process: "api" | "worker";
      readonly point: CrashPoint;
      readonly nth: number;
    }
  | {
      readonly kind: "link";
      readonly link: LinkName;
      readonly fault: LinkFault;
      readonly forMs: number;
      readonly heal: "resume" | "cut";
    }
  | { readonly kind: "crm"; readonly trouble: CrmTrouble; readonly forMs: number };

/** A fault and how long everything is left alone before it. */
export interface OutageStep {
  readonly afterMs: number;
  readonly fault: Fault;
}

/**
 * The faults of one seed, endless: decks of all kinds, each shuffled, one after the other. How many
 * are reached is a matter of time; which they are and in what order is a matter of the seed alone.
 */
export function* planOf(seed: number): Generator<OutageStep> {
  const draw = drawFrom(seed);
  for (;;) {
    for (const fault of draw.shuffled(deck(draw)))
      yield { afterMs: draw.between(500, 4_000), fault };
  }
}

function deck(draw: Draw): Fault[] {
  const kills = processNames.map((process): Fault => ({
    kind: "kill",
    process,
    signal: process === "postgres" ? "SIGQUIT" : "SIGKILL",
  }));
  const crashes = (Object.keys(crashPlaces) as CrashPoint[]).map((point): Fault => ({
    kind: "crash",
    process: crashPlaces[point].process,
    point,
    nth: draw.between(1, 4),
  }));
  const links = linkNames.flatMap((link) =>
    draw
      .shuffled(faultsOf(draw))
      .slice(0, 2)
      .map((fault): Fault => ({
        kind: "link",
        link,
        fault,
        forMs: draw.between(500, 3_500),
        heal: draw.chance(0.5) ? "cut" : "resume",
      })),
  );
  const crm = draw.one<CrmTrouble>([
    { kind: "down", waitMs: 0 },
    { kind: "busy", waitMs: 2_000 },
    { kind: "slow", waitMs: 120_000 },
  ]);
  return [
    ...kills,
    ...crashes,
    ...links,
    { kind: "crm", trouble: crm, forMs: draw.between(1_500, 4_000) },
  ];
}

function faultsOf(draw: Draw): LinkFault[] {
  return [
    { kind: "slow", ms: draw.between(50, 600) },
    { kind: "silent" },
    { kind: "cut" },
    { kind: "reply-lost" },
  ];
}

/** In words, for the log. */
export function describePlan(fault: Fault): string {
  switch (fault.kind) {
    case "kill":
      return `${fault.process} ends by ${fault.signal}`;
    case "crash":
      return `${fault.process} crashes at ${fault.point}, time ${fault.nth}`;
    case "link":
      return `${fault.link} ${fault.fault.kind}${fault.fault.kind === "slow" ? ` by ${fault.fault.ms} ms` : ""} for ${fault.forMs} ms`;
    case "crm":
      return `CRM ${fault.trouble.kind} for ${fault.forMs} ms`;
  }
}

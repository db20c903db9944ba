import { setTimeout as pause } from "node:timers/promises";
import { sql } from "../store/postgres/db.ts";
import { describePlan, planOf, type CrmTrouble, type Fault } from "./plan.ts";
import type { ChaosWorld } from "./world.ts";

/** How often each kind of fault really had an effect. */
export type Hits = Record<string, number>;

/** Longer than a start takes on a busy machine. */
const startMs = 150_000;

/**
 * Lets one fault after the other happen until it is enough, then heals everything. Gives what was
 * hit.
 */
export async function strikeUntil(
  world: ChaosWorld,
  seed: number,
  isEnough: (hits: Hits) => boolean,
  say: (line: string) => void,
): Promise<Hits> {
  const hits: Hits = {};
  const hit = (what: string): void => {
    hits[what] = (hits[what] ?? 0) + 1;
  };
  for (const { afterMs, fault } of planOf(seed)) {
    await pause(afterMs);
    if (isEnough(hits)) break;
    say(describePlan(fault));
    await strike(world, fault, hit);
  }
  await heal(world);
  return hits;
}

async function strike(world: ChaosWorld, fault: Fault, hit: (what: string) => void): Promise<void> {
  switch (fault.kind) {
    case "kill": {
      const process = world.processes[fault.process];
      process.kill(fault.signal);
      hit(`kill ${fault.process}`);
      return process.up(startMs);
    }
    case "crash": {
      const process = world.processes[fault.process];
      const before = process.crashes().length;
      process.kill("SIGKILL", { BATON_CRASH_AT: `${fault.point}:${fault.nth}` });
      await process.up(startMs);
      // It crashes when the place is passed; where nobody passes it, the next start is an ordinary
      // one.
      for (let waited = 0; waited < 8_000 && process.crashes().length === before; waited += 50)
        await pause(50);
      if (process.crashes().length > before) hit(`crash ${fault.point}`);
      else process.kill("SIGKILL");
      return process.up(startMs);
    }
    case "link": {
      const link = world.links[fault.link];
      const before = link.touched();
      link.suffer(fault.fault);
      await pause(fault.forMs);
      link.heal(fault.heal === "cut" ? "cut" : undefined);
      if (link.touched() > before) hit(`link ${fault.link} ${fault.fault.kind}`);
      return;
    }
    case "crm": {
      await trouble(world, fault.trouble);
      await pause(fault.forMs);
      await trouble(world, null);
      return hit(`crm ${fault.trouble.kind}`);
    }
  }
}

/** The CRM's trouble is a row, written past the API, which may be in trouble itself. */
export async function trouble(
  { pool }: Pick<ChaosWorld, "pool">,
  how: CrmTrouble | null,
): Promise<void> {
  await pool.query(sql`delete from house_trouble`);
  if (how)
    await pool.query(
      sql`insert into house_trouble (kind, wait_ms) values (${how.kind}, ${how.waitMs})`,
    );
}

/** Everything runs and every link is clear. */
export async function heal(world: ChaosWorld): Promise<void> {
  for (const link of Object.values(world.links)) link.heal();
  for (const process of Object.values(world.processes)) await process.up(startMs);
  await trouble(world, null);
}

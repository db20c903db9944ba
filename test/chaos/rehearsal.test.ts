import { expect, test } from "vitest";
import { rehearse } from "../../chaos/rehearsal.ts";

// The short form of `npm run chaos`. BATON_TEST_SEED replays a run; any seed must pass.
const seed = Number(process.env["BATON_TEST_SEED"] ?? Date.now() % 1_000_000);

test(
  `through crashes and outages nothing acknowledged is lost and nothing is done twice (seed ${seed})`,
  { timeout: 400_000 },
  async () => {
    const environment = Object.fromEntries(
      Object.entries(process.env).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      ),
    );
    const lines: string[] = [];
    const outcome = await rehearse(
      {
        seed,
        minutes: 1.5,
        leads: 90,
        silentMs: 6_000,
        least: { faults: 9, kinds: 8, actions: 20 },
        environment,
      },
      (line) => lines.push(line),
    );
    expect(
      outcome.breaches,
      `seed ${seed}\n${lines.join("\n")}\n${JSON.stringify(outcome, null, 1)}`,
    ).toEqual([]);
    expect(outcome.outages.map((one) => one.silent)).toEqual([
      "postgres",
      "temporal",
      "crm",
      "smtp",
    ]);
    for (const one of outcome.outages) expect(one.requests).toBeGreaterThan(5);
  },
);

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
      (line) => {
        lines.push(line);
        // Should time run out, this says where it stood.
        process.stdout.write(`${line}\n`);
      },
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
    // Every lead has a run at least, and each of them was replayed.
    expect(outcome.figures.replayed).toBeGreaterThanOrEqual(outcome.figures.leads);
    for (const one of outcome.outages) expect(one.requests).toBeGreaterThan(5);
    // Reps decide as always while Temporal is away.
    expect(outcome.outages.find((one) => one.silent === "temporal")?.decided).toBeGreaterThan(1);
  },
);

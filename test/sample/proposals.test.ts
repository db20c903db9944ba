import { describe, expect, test, vi } from "vitest";
import { agreementOf } from "../../agreement/stored.ts";
import { writeSampleCompany, type SampleDone } from "../../cli/sample-company.ts";
import { proposalsOf, type ProposalKind } from "../../handoff/reviews/proposals.ts";
import { patternNames, planted, type PatternName } from "../../sample/patterns.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { compilePacket } from "../../store/reviews/packet.ts";
import type { PacketKind } from "../../store/reviews/packets.ts";
import { proposalFigures } from "../../store/reviews/proposal-figures.ts";
import { withDatabase } from "../support/database.ts";

/** What packets propose to those who know nothing of how the sample company was made. */
const db = withDatabase({
  empties: [
    "lead",
    "account",
    "process",
    "transition",
    "agreement_version",
    "rep",
    "pool",
    "outbox",
  ],
});
// Thousands of leads are written for each test, possibly on a busy machine.
vi.setConfig({ testTimeout: 240_000 });
const leads = 5_000;
const months = 12;
const day = 86_400_000;
const hour = 3_600_000;
const agreements = createAgreements(agreementOf);

/** Where each pattern is proposed. The criteria are asked about while they are in force. */
const proposed: Readonly<Record<PatternName, readonly [ProposalKind, string]>> = {
  "stopped-band": ["broken-band", planted.band],
  "empty-campaign": ["empty-campaign", planted.campaign],
  "slow-rep": ["slow-rep", planted.rep],
  "recurring-rejection": ["recurring-reason", planted.reason],
  "territory-gap": ["waiting-territory", planted.territory],
  "changed-criteria": ["weak-version", "2"],
};

async function ask(kind: PacketKind, to: number, number: number) {
  const { rows } = await db.pool.query<{ id: string }>(
    "select id from agreement_version where number = $1",
    [number],
  );
  const version = await agreements.version(db.pool, rows[0]?.id ?? "");
  const from = to - { weekly: 7, monthly: 30, quarterly: 91 }[kind] * day;
  return { db: db.pool, agreements, version, kind, period: kind, from, to, asOf: to + 9 * hour };
}

/** Everything that packets would propose if they had room for it. */
async function found({ periods: { until, quarter } }: SampleDone): Promise<string[]> {
  const asked = [
    await ask("monthly", until, 3),
    await ask("quarterly", until, 3),
    await ask("quarterly", quarter.to, 2),
  ];
  const all = [];
  for (const one of asked) all.push(...proposalsOf(await proposalFigures(one), Infinity));
  return [...new Set(all.map(({ kind, about }) => `${kind}: ${about}`))].sort();
}

const times = ["2026-11-20T10:00:00Z", "2027-01-17T23:00:00Z", "2027-06-05T04:00:00Z"];
const expected = (plant: readonly PatternName[]) =>
  plant.map((name) => proposed[name].join(": ")).sort();

describe.each([1, 2, 3])("seed %i", (seed) => {
  const now = Date.parse(times[seed - 1] ?? "");

  test("every planted pattern is proposed, and the packet has the three weightiest", async () => {
    const done = await writeSampleCompany(
      db.pool,
      { leads, months, seed, plant: patternNames },
      now,
    );
    const all = await found(done);
    expect(all).toEqual(expect.arrayContaining(expected(patternNames)));
    const packet = await compilePacket(await ask("quarterly", done.periods.until, 3));
    // Ids and counts: erasing a person changes no packet.
    expect(JSON.stringify(packet)).not.toMatch(/@|\.example\b/);
    const { proposals } = packet;
    expect(proposals).toHaveLength(3);
    for (const { kind, about } of proposals) expect(all).toContain(`${kind}: ${about}`);
  });

  test("nothing is proposed where nothing was planted", async () => {
    const done = await writeSampleCompany(db.pool, { leads, months, seed, plant: [] }, now);
    expect(await found(done)).toEqual([]);
  });
});

test.each(patternNames.map((name) => [name] as const))(
  "where only %s was planted nothing else is proposed",
  async (name) => {
    const now = Date.parse("2026-11-20T10:00:00Z");
    const done = await writeSampleCompany(db.pool, { leads, months, seed: 4, plant: [name] }, now);
    expect(await found(done)).toEqual(expected([name]));
  },
);

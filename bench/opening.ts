import { readFileSync } from "node:fs";
import { agreementOf } from "../agreement/stored.ts";
import type { Agreement } from "../handoff/agreement.ts";
import { activate } from "../store/process/agreements.ts";
import { inTransaction, type Pool } from "../store/postgres/db.ts";
import { putPools, putReps } from "../store/routing/roster-edit.ts";
import type { RepRecord } from "../store/routing/roster.ts";

/** Ten reps who share the Americas. */
export const benchReps: readonly string[] = Array.from({ length: 10 }, (_, i) => `rp_bench_${i}`);

const example = readFileSync(new URL("../agreement/example.yaml", import.meta.url), "utf8");

/**
 * The example agreement with hours that never end, so that a figure does not depend on the time of
 * day.
 */
export const alwaysOpen = example
  .replace(/week: \{ mon-fri: \["09:00-17:00"\] \}/, 'week: { mon-sun: ["00:00-24:00"] }')
  .replace(/exceptions: \{ 2026-11-26[^\n]*\n/, "\n");

/**
 * Publishes that agreement and puts ten reps without caps into the pools; whoever else was a member
 * leaves.
 */
export async function openForBusiness(pool: Pool): Promise<Agreement> {
  const now = Date.now();
  await inTransaction(pool, async (tx) => {
    await activate(tx, alwaysOpen, "bench", now);
    await putReps(
      tx,
      [
        person("rp_bench_boss", "manager", null),
        person("rp_bench_marketing", "marketing", null),
        ...benchReps.map((id) => person(id, "rep", "rp_bench_boss")),
      ],
      now,
    );
    const shares = Object.fromEntries(benchReps.map((id, i) => [id, 1 + (i % 3)]));
    await putPools(
      tx,
      ["americas-sdr", "dach-sdr", "emea-sdr", "enterprise-ae"].map((id) => ({
        id,
        hours: null,
        members: shares,
      })),
      now,
    );
  });
  return agreementOf(alwaysOpen);
}

function person(id: string, role: RepRecord["role"], managerId: string | null): RepRecord {
  return {
    id,
    name: `Bench ${id}`,
    email: `${id}@example.com`,
    role,
    managerId,
    active: true,
    hours: null,
    languages: [],
    products: [],
    motions: [],
    caps: {},
    crmId: null,
  };
}

/**
 * A lead who asks for a demo, as POST /leads takes it: the fast path. Every one is another person;
 * companies are shared by few.
 */
export function demoRequest(tag: string, n: number, at: number) {
  return {
    facts: {
      "lead.email": `person.${tag}.${n}@company-${tag}-${n % 100}.example`,
      "lead.name": "Kim Example",
      "lead.role": "buyer",
      "lead.title": "VP Operations",
      "lead.source": "google",
      "lead.firstTouchAt": "2026-11-01T10:00:00Z",
      "account.name": "Example Ltd",
      "account.domain": `company-${tag}-${n % 100}.example`,
      "account.employees": 200,
      "account.industry": "Software",
      "account.country": "US",
    },
    engagements: [
      { id: `${tag}-${n}`, type: "demo_request", occurredAt: new Date(at - 60_000).toISOString() },
    ],
  };
}

import { verifyDecisions } from "../cli/commands/verify.ts";
import type { Pool } from "../store/postgres/db.ts";
import type { Report } from "./numbers.ts";

/** Every stored decision of a database judged again, as `baton verify` does it. */
export async function benchVerify(pool: Pool): Promise<Report> {
  const began = performance.now();
  const { judged, differences } = await verifyDecisions(pool);
  const seconds = (performance.now() - began) / 1000;
  return {
    figures: [
      { name: "verify, decisions judged again", value: judged / seconds, unit: "1/s" },
      { name: "verify, differences", value: differences.length, unit: "", goal: { atMost: 0 } },
    ],
  };
}

import { parseArgs } from "node:util";
import { agreementOf } from "../agreement/stored.ts";
import { rejudge } from "../handoff/rejudge.ts";
import { createAgreements } from "../store/agreements.ts";
import type { Pool } from "../store/db.ts";
import { storedDecisions, type StoredDecision } from "../store/decision-log.ts";
import { Problem, type Command } from "./command.ts";
import { readSettings } from "./env.ts";
import { databaseUrlOf } from "./running-database.ts";
import { withPool } from "./servers.ts";

export const command: Command = {
  name: "verify",
  summary: "judge every stored decision again and count the differences",
  usage: `baton verify [--json]

Takes every decision from the database with what it was given and the version of the agreement it was taken under,
asks the same rule again, and compares. Prints how many were judged and where the answers differ.
Ends with 0 when none differs, with 1 otherwise. Works on DATABASE_URL, else on the database of BATON_HOME.`,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: "boolean", default: false } },
    });
    if (positionals.length > 0)
      throw new Problem("`baton verify` takes no file or id; it judges everything.");
    const { judged, differences } = await withPool(databaseUrlOf(readSettings()), verifyDecisions);
    if (values.json) io.out(JSON.stringify({ judged, differences }));
    else {
      for (const one of differences)
        io.err(
          `${one.subject} cycle ${one.cycle} step ${one.step} (${one.kind}): ${one.at} was ${one.stored} and is ${one.now}`,
        );
      io.out(`${judged} decisions judged again, ${differences.length} differences.`);
    }
    return differences.length > 0 ? 1 : 0;
  },
};

export interface Difference {
  readonly subject: string;
  readonly cycle: number;
  readonly step: number;
  readonly kind: string;
  /** Where in the answer: `qualification.fit`. */
  readonly at: string;
  readonly stored: string;
  readonly now: string;
}

/** Judges every stored decision again, a thousand in memory at a time. */
export async function verifyDecisions(
  pool: Pool,
): Promise<{ judged: number; differences: Difference[] }> {
  const agreements = createAgreements(agreementOf);
  const found = { judged: 0, differences: [] as Difference[] };
  for await (const decision of storedDecisions(pool)) {
    found.judged++;
    const difference = await compare(decision, agreements, pool);
    if (difference)
      found.differences.push({
        subject: decision.subject,
        cycle: decision.cycle,
        step: decision.step,
        kind: decision.kind,
        ...difference,
      });
  }
  return found;
}

type Place = Pick<Difference, "at" | "stored" | "now">;

async function compare(
  decision: StoredDecision,
  agreements: ReturnType<typeof createAgreements>,
  pool: Pool,
): Promise<Place | null> {
  if (decision.agreementId === null)
    return decision.output === null
      ? null
      : { at: "the answer", stored: brief(decision.output), now: "without an agreement" };
  const { agreement } = await agreements.version(pool, decision.agreementId);
  try {
    // Stored answers went through JSON; what they are compared with must too.
    const again: unknown = JSON.parse(
      JSON.stringify(rejudge(decision.kind, decision.input, agreement) ?? null),
    );
    return firstDifference(decision.output, again, "");
  } catch (error) {
    return {
      at: "the answer",
      stored: brief(decision.output),
      now: `an error: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

/** The first place where two JSON values differ; null when they are equal. The order of names does not count. */
export function firstDifference(stored: unknown, now: unknown, at: string): Place | null {
  if (stored === now) return null;
  if (
    typeof stored === "object" &&
    typeof now === "object" &&
    stored !== null &&
    now !== null &&
    Array.isArray(stored) === Array.isArray(now)
  ) {
    const [a, b] = [stored as Record<string, unknown>, now as Record<string, unknown>];
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const found = firstDifference(a[name], b[name], at === "" ? name : `${at}.${name}`);
      if (found) return found;
    }
    return null;
  }
  return { at: at || "the answer", stored: brief(stored), now: brief(now) };
}

function brief(value: unknown): string {
  const text = value === undefined ? "absent" : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

import { z } from "@hono/zod-openapi";
import { missingPools } from "../agreement/roster.ts";
import type { Agreement } from "../handoff/agreement.ts";
import { tryDraft, type DraftTrial } from "../store/intake/trial.ts";
import { listPools } from "../store/routing/roster.ts";
import type { ApiDeps } from "./deps.ts";
import { Problem } from "./http/errors.ts";
import type { RunInThread } from "./threads/threads.ts";

const outcome = z.object({
  verdict: z.enum(["hand-off", "nurture", "disqualify", "needs-data"]),
  leadType: z.string().optional(),
  band: z.string(),
});
/** What a draft would change about today's leads. */
export const triedDraft = z
  .object({
    leads: z.number().int().openapi({ description: "open leads that were judged, the newest" }),
    same: z.number().int(),
    changes: z.array(
      z.object({
        from: outcome,
        to: outcome,
        count: z.number().int(),
        examples: z.array(z.string()).openapi({ description: "ids of leads, at most five" }),
      }),
    ),
    missingPools: z.array(z.string()).openapi({ description: "that the roster lacks" }),
    warnings: z.array(z.object({ line: z.number().int(), path: z.string(), message: z.string() })),
  })
  .openapi("TriedDraft");

/** A draft as it is read, and how it would judge today's open leads. */
interface JudgedDraft extends Pick<z.output<typeof triedDraft>, "missingPools" | "warnings"> {
  readonly draft: Agreement;
  readonly trial: DraftTrial;
}

/** Of some hundred leads a draft may take five seconds, of all this long. */
const mostTrialSeconds = 20;

/**
 * How a draft would judge today's open leads, and the draft as it is read. Reading and judging run
 * in a thread. Throws a 422 that names `field` for text that is no agreement, or takes too long.
 */
export async function judgedByDraft(
  deps: ApiDeps,
  {
    run,
    text,
    active,
    now,
    field,
  }: {
    readonly run: RunInThread;
    readonly text: string;
    readonly active: Agreement;
    readonly now: number;
    /** Where the text was given. */
    readonly field: string;
  },
): Promise<JudgedDraft> {
  const parsed = await run("readAgreement", text, {
    what: "a draft of the agreement",
    field,
    seconds: 5,
  });
  if (!parsed.ok) {
    const [first] = parsed.problems;
    throw new Problem("invalid", {
      field,
      detail: first ? `line ${first.line}: ${first.message}` : "expected an agreement",
      more: { problems: parsed.problems.slice(0, 100) },
    });
  }
  const draft = parsed.agreement;
  const began = performance.now();
  const tried = await tryDraft(deps.pool, now, (leads) => {
    if (performance.now() - began > mostTrialSeconds * 1000)
      throw new Problem("invalid", {
        field,
        detail:
          `judging today's leads by a draft may take ${mostTrialSeconds} s; this took longer, ` +
          `and was given up: use \`baton agreement try\``,
      });
    return run(
      "judgeLeads",
      { active, draft, leads },
      { what: "a draft with the leads that it judges", field, seconds: 5 },
    );
  });
  return {
    draft,
    trial: tried,
    missingPools: missingPools(draft, { pools: await listPools(deps.pool) }),
    warnings: parsed.warnings.map(({ line, path, message }) => ({ line, path, message })),
  };
}

/** The counts of a trial, as answers show them. */
export function trialShown({
  leads,
  same,
  changes,
}: DraftTrial): Pick<z.output<typeof triedDraft>, "leads" | "same" | "changes"> {
  return {
    leads,
    same,
    changes: changes.map(({ from, to, count, examples }) => ({
      from: { ...from },
      to: { ...to },
      count,
      examples: [...examples],
    })),
  };
}

import { setTimeout as pause } from "node:timers/promises";
import { openReview } from "../activities/review.ts";
import { agreementOf } from "../agreement/stored.ts";
import { createAgreements } from "../store/process/agreements.ts";
import type { Application } from "./application.ts";
import { alwaysOpen } from "./opening.ts";

/** What leaders and RevOps decide about in the tasks: one of each for a try. */
export interface Governance {
  /** Proposed versions with their plans, by address of the console. */
  readonly versions: readonly string[];
  /** Open reviews with their packets, by address of the console. */
  readonly reviews: readonly string[];
  /** What the plan of one version and the packet of one review took, in seconds. */
  readonly seconds: { readonly plan: number; readonly packet: number };
}

/** A plan over years of handoffs takes its time; more than this and it is stuck. */
const longestPlanMs = 600_000;

/** Proposes so many versions, waits for their plans, and opens as many reviews. */
export async function prepareGovernance(app: Application, times: number): Promise<Governance> {
  const token = await app.token("revops");
  const plans: number[] = [];
  const versions: string[] = [];
  for (let n = 0; n < times; n++) {
    const began = performance.now();
    versions.push(`/console/agreement/versions/${await proposed(app, token, n)}`);
    plans.push((performance.now() - began) / 1_000);
  }
  const deps = { pool: app.pool, agreements: createAgreements(agreementOf) };
  const packets: number[] = [];
  const reviews: string[] = [];
  for (let n = 0; n < times; n++) {
    const began = performance.now();
    const start = { kind: "weekly", period: `2031-W${10 + n}`, now: Date.now() } as const;
    reviews.push(`/console/reviews/${(await openReview(deps, start)).reviewId}`);
    packets.push((performance.now() - began) / 1_000);
  }
  const most = (all: readonly number[]) => Math.max(0, ...all);
  return { versions, reviews, seconds: { plan: most(plans), packet: most(packets) } };
}

/** A version with another outreach deadline and its plan; gives its id. */
async function proposed(app: Application, token: string, n: number): Promise<string> {
  const content = alwaysOpen.replace(
    "outreach: 1 business hour",
    `outreach: ${n + 2} business hours`,
  );
  const note = `Bench, ${n + 1}`;
  const made = await app.post("/agreement/versions/propose", { content, note }, token);
  if (made.status >= 300) throw new Error(`a version was answered with ${made.status}`);
  const { id } = made.body as { id: string };
  const until = performance.now() + longestPlanMs;
  for (;;) {
    const answer = await fetch(`${app.url}/agreement/versions/${id}/plan`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { plan } = (await answer.json()) as { plan: object | null };
    if (plan !== null) return id;
    if (performance.now() > until) throw new Error("no plan was made within ten minutes");
    await pause(1_000);
  }
}

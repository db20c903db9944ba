import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { firstRow, sql } from "../store/postgres/db.ts";
import { startApplication, type Application } from "./application.ts";
import { usageOf } from "./cpu.ts";
import { spread, type Figure, type Report } from "./numbers.ts";
import { watchOffers, type Watched } from "./offers.ts";
import { benchReps, demoRequest } from "./opening.ts";
import type { BenchStack } from "./stack.ts";
import { benchVerify } from "./verify.ts";

/**
 * Demo requests over HTTP at 5, 10 and 20 a second, each followed by its rep's first outreach: how
 * long from the committed intake to the committed offer, and until the rep's action is answered.
 * Requests keep their beat however slow the answers are. Afterwards the memory of both processes,
 * and all decisions judged again.
 */
export async function benchRates(
  stack: BenchStack,
  { rates = [5, 10, 20], seconds = 20 } = {},
): Promise<Report> {
  const app = await startApplication(stack);
  const watched = await watchOffers(app);
  try {
    const intakeToken = await app.token("operator");
    const tokens = new Map<string, string>();
    for (const rep of benchReps) tokens.set(rep, await app.token("rep", rep));
    const beat = { app, watched, intakeToken, tokens };
    await atRate(beat, 5, 3);
    const figures: Figure[] = [];
    const notes: string[] = [];
    for (const rate of rates) {
      const found = await atRate(beat, rate, seconds);
      const goals =
        rate === 20 ? { offer: 60, action: 30 } : { offer: undefined, action: undefined };
      figures.push(
        ...spread(`intake to offer row at ${rate}/s`, found.offers, goals.offer),
        ...spread(`rep action answered at ${rate}/s`, found.actions, goals.action),
      );
      if (found.refused > 0)
        notes.push(`at ${rate}/s ${found.refused} requests were not answered with 2xx`);
      if (found.late > 0)
        notes.push(
          `at ${rate}/s ${found.late} leads had no offer within 20 s after the last request`,
        );
    }
    for (const name of ["worker", "api"] as const) {
      const usage = usageOf(app.pid(name));
      if (usage)
        figures.push({
          name: `memory of ${name} after it`,
          value: usage.rss / 2 ** 20,
          unit: "MiB",
        });
    }
    const verified = await benchVerify(app.pool);
    const leads = await firstRow<{ n: number }>(app.pool, sql`select count(*)::int as n from lead`);
    return {
      figures: [...figures, ...verified.figures],
      notes: [...notes, `${leads?.n ?? 0} leads in all; each rate for ${seconds} s`],
    };
  } finally {
    await watched.close();
    await app.close();
  }
}

interface Beat {
  readonly app: Application;
  readonly watched: Watched;
  readonly intakeToken: string;
  readonly tokens: ReadonlyMap<string, string>;
}
interface Found {
  readonly offers: number[];
  readonly actions: number[];
  readonly refused: number;
  readonly late: number;
}

async function atRate(
  { app, watched, intakeToken, tokens }: Beat,
  rate: number,
  seconds: number,
): Promise<Found> {
  const tag = randomBytes(4).toString("hex");
  const found = { offers: [] as number[], actions: [] as number[], refused: 0, late: 0 };
  const requests: Promise<unknown>[] = [];
  const actions: Promise<unknown>[] = [];
  watched.onOffer((leadId, repId) => {
    actions.push(outreach(leadId, repId));
  });

  async function outreach(leadId: string, repId: string): Promise<void> {
    // A person takes a moment; the process has the time to wait for its answer.
    await pause(500 + Math.random() * 1_000);
    const { status, ms } = await app.post(
      `/leads/${leadId}/outreach`,
      { channel: "call", outcome: "connected" },
      tokens.get(repId) ?? "",
    );
    if (status === 200) found.actions.push(ms);
    else found.refused += 1;
  }
  const leads: string[] = [];
  async function intake(n: number): Promise<void> {
    const { status, body } = await app.post("/leads", demoRequest(tag, n, Date.now()), intakeToken);
    if (status === 201) leads.push(String(body["id"]));
    else found.refused += 1;
  }
  const began = performance.now();
  for (let n = 0; n < rate * seconds; n++) {
    await pause(Math.max(0, began + (n * 1_000) / rate - performance.now()));
    requests.push(intake(n));
  }
  await Promise.all(requests);
  for (
    let waited = 0;
    waited < 20_000 && leads.some((id) => !watched.offerAt.has(id));
    waited += 50
  )
    await pause(50);
  await Promise.all(actions);
  watched.onOffer(() => undefined);
  for (const id of leads) {
    const [from, to] = [watched.intakeAt.get(id), watched.offerAt.get(id)];
    if (from === undefined || to === undefined) found.late += 1;
    else found.offers.push(to - from);
  }
  return found;
}

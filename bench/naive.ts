import { randomBytes } from "node:crypto";
import { Worker } from "@temporalio/worker";
import pg from "pg";
import { naiveActivities, openNaive } from "./naive-activities.ts";
import {
  naiveAccept,
  naiveOutreach,
  type NaiveActivities,
  type NaiveOffer,
} from "./naive-workflow.ts";
import { atOnce } from "./numbers.ts";
import { benchReps, demoRequest } from "./opening.ts";
import { bundleOf, type Process } from "./process.ts";

/** With a remote activity for each step, or with local activities and an eager start. */
export type NaiveKind = "remote" | "local";

/**
 * The application that a user would write without Baton: one workflow, a few tables, the same
 * steps and effects from intake to SAL. It has no stored explanations, no search attributes, no
 * agreement and no calendar, and a lead whose start fails after its row was written is lost.
 */
export interface Naive {
  /** Takes so many lives to SAL and resolves when the CRM holds every one of them as such. */
  live(kind: NaiveKind, lives: number, clients: number): Promise<void>;
  close(): Promise<void>;
}

const workflows = { remote: "naiveRemote", local: "naiveLocal" } as const;

/** Starts its worker in this process, on the same servers, database and connection to Temporal. */
export async function startNaive(world: Process): Promise<Naive> {
  const pool = new pg.Pool({ connectionString: world.databaseUrl, max: 20 });
  pool.on("error", () => undefined);
  await openNaive(pool, benchReps);
  const taskQueue = `naive-${randomBytes(3).toString("hex")}`;
  const routed = new Map<string, (offer: NaiveOffer) => void>();
  const worker = await Worker.create({
    connection: world.connection,
    namespace: "default",
    taskQueue,
    workflowBundle: await bundleOf("./naive-workflow.ts"),
    activities: tellingOffers(naiveActivities(pool), (leadId, offer) => {
      routed.get(leadId)?.(offer);
      routed.delete(leadId);
    }),
  });
  const running = worker.run();

  async function one(kind: NaiveKind, tag: string, n: number): Promise<void> {
    const { facts, engagements } = demoRequest(tag, n, Date.now());
    const leadId = `nl_${tag}_${n}`;
    const offered = new Promise<NaiveOffer>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${leadId} has no offer`)), 30_000);
      routed.set(leadId, (offer) => {
        clearTimeout(late);
        resolve(offer);
      });
    });
    await pool.query(
      "insert into naive_lead (id, email, facts, engagements) values ($1, $2, $3, $4)",
      [leadId, facts["lead.email"], facts, JSON.stringify(engagements)],
    );
    const handle = await world.client.workflow.start(workflows[kind], {
      workflowId: `naive/${leadId}`,
      taskQueue,
      args: [leadId],
      requestEagerStart: kind === "local",
    });
    await offered;
    const by = await ownerOf(leadId);
    const id = randomBytes(16).toString("hex");
    const outreach = { id, by, channel: "call", outcome: "connected" };
    await handle.executeUpdate(naiveOutreach, { updateId: id, args: [outreach] });
    const answer = { by: await ownerOf(leadId), fitRating: 4 };
    await handle.executeUpdate(naiveAccept, { args: [answer] });
  }

  /** Whose lead it is: what an API looks up before it lets a rep act. */
  async function ownerOf(leadId: string): Promise<string> {
    const { rows } = await pool.query<{ owner_id: string | null }>(
      "select owner_id from naive_lead where id = $1",
      [leadId],
    );
    return rows[0]?.owner_id ?? "nobody";
  }

  return {
    async live(kind, lives, clients) {
      const tag = randomBytes(4).toString("hex");
      const numbers = Array.from({ length: lives }, (_, n) => n);
      await atOnce(clients, numbers, (n) => one(kind, tag, n));
      await inCrm(pool, tag, lives);
    },
    async close() {
      worker.shutdown();
      await running;
      await pool.end();
    },
  };
}

/** Resolves when the CRM holds all leads of this tag as accepted; rejects after a minute. */
async function inCrm(pool: pg.Pool, tag: string, lives: number): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 20) {
    const { rows } = await pool.query<{ n: number }>(
      `
      select count(*)::int as n from naive_crm_lead l join naive_crm_task t using (lead_id)
      where lead_id like $1 and status = 'sal' and state = 'done'`,
      [`nl\\_${tag}\\_%`],
    );
    if (rows[0]?.n === lives) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("the naive application's CRM is not up to date after a minute");
}

function tellingOffers(
  activities: NaiveActivities,
  tell: (leadId: string, offer: NaiveOffer) => void,
): NaiveActivities & Record<string, (...args: never[]) => Promise<unknown>> {
  return {
    ...activities,
    async route(leadId) {
      const offer = await activities.route(leadId);
      tell(leadId, offer);
      return offer;
    },
  };
}

import { randomBytes } from "node:crypto";
import { agreementOf } from "../../agreement/stored.ts";
import type { FactValue } from "../../handoff/facts/facts.ts";
import { takeIn } from "../../store/intake/intake.ts";
import { firstRow, inTransaction, sql } from "../../store/postgres/db.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { take, takeRoute } from "../../store/process/take.ts";
import { routingDispatcher } from "../../store/routing/dispatcher.ts";
import { goodFacts } from "./lead-world.ts";
import {
  peopleWorld,
  personas,
  type Answer,
  type Persona,
  type PeopleWorld,
} from "./people-world.ts";
import { eventually } from "./eventually.ts";

/** Somebody who arrives: facts beside the usual ones, and what was done before. */
export interface Newcomer {
  readonly facts?: Readonly<Record<string, FactValue>>;
  readonly did?: readonly string[];
}

/** The whole API with leads that were decided about as in life, without Temporal. */
export interface PlanWorld extends PeopleWorld {
  /** Takes somebody in now, judges and routes them; gives the lead's id. */
  arrive(newcomer?: Newcomer): Promise<string>;
  /** Who has the lead now. */
  ownerOf(leadId: string): Promise<string | null>;
  /** Whoever has the lead does something by the API: `accept`, `reject`, … */
  act(leadId: string, place: string, body: unknown): Promise<Answer>;
  /** Proposes a text as RevOps and waits for its plan; gives how the version stands. */
  proposed(content: string): Promise<Answer["body"]>;
  /** The same, signed by both parties on that plan. */
  signed(content: string): Promise<Answer["body"]>;
}

export async function planWorld(
  options: Parameters<typeof peopleWorld>[0] = {},
): Promise<PlanWorld> {
  const world = await peopleWorld(options);
  const { pool, pools } = world;
  const agreements = createAgreements(agreementOf);
  const deps = { pool, agreements, dispatcher: routingDispatcher(pools.routing) };
  const ask = (id: string) => ({
    subject: { kind: "lead" as const, id },
    key: `test/${randomBytes(8).toString("hex")}`,
    now: world.now(),
    by: "elsewhere" as const,
  });
  const sign = async (version: Answer["body"], as: Persona) => {
    const { contentHash, plan } = version;
    const answer = await world.ask("POST", `/agreement/versions/${version.id}/sign`, {
      as,
      body: { contentHash, planHash: plan.hash },
    });
    if (answer.status !== 200) throw new Error(`not signed: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const ownerOf = async (leadId: string) =>
    (
      await firstRow<{ owner: string | null }>(
        pool,
        sql`select owner_id as owner from process where subject_id = ${leadId}`,
      )
    )?.owner ?? null;
  const proposed: PlanWorld["proposed"] = async (content) => {
    const made = await world.ask("POST", "/agreement/versions/propose", {
      as: "revops",
      body: { content },
    });
    if (made.status >= 300) throw new Error(`not proposed: ${JSON.stringify(made.body)}`);
    return eventually(120, async () => {
      const { body } = await world.ask("GET", `/agreement/versions/${made.body.id}/plan`);
      if (body.planning.state === "failed") throw new Error(body.planning.failure);
      return body.planning.state === "made" && body;
    });
  };
  return {
    ...world,
    async arrive({ facts = {}, did = ["demo_request"] } = {}) {
      const at = world.now();
      const tag = randomBytes(6).toString("hex");
      const { agreement } = (await agreements.active(pool))!;
      const domain = `${tag}.example`;
      const [taken] = await inTransaction(pool, (tx) =>
        takeIn(
          tx,
          [
            {
              email: `${tag}@${domain}`,
              facts: { ...goodFacts, "account.domain": domain, ...facts },
              engagements: did.map((type, n) => ({
                messageId: `${tag}-${n}`,
                type,
                occurredAt: at - 60_000,
              })),
            },
          ],
          { now: at, from: "form", lane: 1, agreement },
        ),
      );
      if (!taken || !("leadId" in taken)) throw new Error(`not taken in: ${JSON.stringify(taken)}`);
      const standing = await take(deps, ask(taken.leadId), { kind: "arrived" });
      if (standing.stage === "mql") await takeRoute(deps, ask(taken.leadId));
      return taken.leadId;
    },
    ownerOf,
    async act(leadId, place, body) {
      const owner = await ownerOf(leadId);
      const found = Object.entries(personas).find(
        ([, { role, rep }]) => role === "rep" && rep === owner,
      );
      const as = (found?.[0] ?? "operator") as Persona;
      return world.ask("POST", `/leads/${leadId}/${place}`, { as, body });
    },
    proposed,
    async signed(content) {
      const version = await proposed(content);
      await sign(version, "leader");
      return sign(version, "salesLeader");
    },
  };
}

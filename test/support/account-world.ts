import { randomBytes } from "node:crypto";
import { agreementOf } from "../../agreement/stored.ts";
import type { ActionName } from "../../handoff/stage.ts";
import type { ActionBodies, Seen } from "../../handoff/process/event.ts";
import type { ActionResult } from "../../handoff/process/words.ts";
import { lookAtAccounts, type Looked } from "../../store/accounts/look.ts";
import { noteAction } from "../../store/process/actions.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import type { ProcessRow } from "../../store/process/rows.ts";
import { decideAction } from "../../store/process/take-action.ts";
import { firstRow, sql } from "../../store/postgres/db.ts";
import { routingDispatcher } from "../../store/routing/dispatcher.ts";
import { accountWorkflowId } from "../../workflows/contract.ts";
import type { LeadWorld } from "./lead-world.ts";
import { clockOffset, moveClock } from "./moved-clock.ts";

/** A company whose people engage, in the world of leads. */
export interface Company {
  readonly id: string;
  readonly domain: string;
  /** Its people, without a lead type that would hand off any of them. */
  readonly leads: readonly string[];
}

export interface AccountWorld {
  /** People of a new company, each with one engagement of the depth that counts. */
  company(people?: number, did?: string): Promise<Company>;
  /** Somebody does something now, and what follows from it. */
  engages(leadId: string, type: string): Promise<void>;
  /** Judges accounts as the worker does, at this time. */
  look(now?: number): Promise<Looked>;
  process(accountId: string): Promise<ProcessRow | undefined>;
  /** The account's process once `is` holds; fails after half a minute with what stands. */
  until(accountId: string, is: (process: ProcessRow) => boolean): Promise<ProcessRow>;
  /** Moves the clock of the account's process. */
  pass(accountId: string, ms: number): Promise<void>;
  now(accountId: string): number;
  act<A extends ActionName>(
    accountId: string,
    name: A,
    body: ActionBodies[A],
    by: { by: string; role?: string; receivedAt?: number; seen?: Seen },
  ): Promise<ActionResult>;
}

export function accountWorld(world: LeadWorld): AccountWorld {
  const { pool, client } = world;
  const agreements = createAgreements(agreementOf);
  const dispatcher = routingDispatcher(world.pools.routing);
  const offsets = new Map<string, number>();
  const now = (accountId: string) => Math.round(Date.now() + (offsets.get(accountId) ?? 0));
  const process = (accountId: string) =>
    firstRow<ProcessRow>(
      pool,
      sql`select * from process where subject_kind = 'account' and subject_id = ${accountId}`,
    );
  return {
    now,
    process,
    async company(people = 3, did = "buyers_guide") {
      const domain = `company-${randomBytes(4).toString("hex")}.com`;
      const leads: string[] = [];
      for (let n = 0; n < people; n += 1)
        leads.push(
          await world.arrive({
            email: `person${n}@${domain}`,
            facts: { "account.domain": domain, "lead.name": `Person ${n}` },
            engagements: [
              {
                messageId: randomBytes(8).toString("hex"),
                type: did,
                occurredAt: Date.now() - 60_000,
              },
            ],
          }),
        );
      const account = await firstRow<{ id: string }>(
        pool,
        sql`select id from account where domain = ${domain}`,
      );
      if (!account) throw new Error(`no account ${domain}`);
      return { id: account.id, domain, leads };
    },
    async engages(leadId, type) {
      const { email, facts } = await world.lead(leadId);
      if (email === null) throw new Error(`${leadId} has no address`);
      const messageId = randomBytes(8).toString("hex");
      await world.arrive({
        email,
        facts: {
          "account.domain": email.split("@")[1] ?? "",
          "lead.name": String(facts["lead.name"]?.value),
        },
        engagements: [{ messageId, type, occurredAt: Date.now() - 1_000 }],
      });
    },
    look: (at = Date.now()) => lookAtAccounts({ pool, agreements }, at),
    async until(accountId, is) {
      for (const end = Date.now() + 30_000; ; await new Promise((done) => setTimeout(done, 20))) {
        const row = await process(accountId);
        if (row && is(row)) return row;
        if (Date.now() > end) throw new Error(`still ${JSON.stringify(row)}`);
      }
    },
    async pass(accountId, ms) {
      const row = await process(accountId);
      const workflowId = accountWorkflowId(accountId, row?.cycle ?? 1);
      await moveClock(client, workflowId, ms);
      offsets.set(accountId, await clockOffset(client, workflowId));
    },
    act(accountId, name, body, { by, role = "rep", receivedAt, seen = null }) {
      const id = `ax_${randomBytes(8).toString("hex")}`;
      const at = receivedAt ?? now(accountId);
      return decideAction(
        { pool, agreements, dispatcher },
        { kind: "account", id: accountId },
        async (tx) => {
          await noteAction(tx, {
            id,
            accountId,
            name,
            by,
            role,
            body,
            via: "api",
            receivedAt: at,
            seen,
          });
          return id;
        },
        () => undefined,
        () => now(accountId),
      );
    },
  };
}

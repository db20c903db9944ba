import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import type { ApplicationFailure } from "@temporalio/common";
import {
  createEffectActivities,
  createEffects,
  type CarriedOut,
} from "../../activities/effects.ts";
import { crmWithTimeout } from "../../activities/crm-timeout.ts";
import type { CrmPort } from "../../crm/crm.ts";
import { createHouseCrm } from "../../crm/house/house.ts";
import { createKeptMail } from "../../messages/mail/kept.ts";
import type { MailPort } from "../../messages/mail/mail.ts";
import { activate, createAgreements, type Agreements } from "../../store/process/agreements.ts";
import { inTransaction, openPool, type Pool } from "../../store/postgres/db.ts";
import { addEffect, type NewEffect } from "../../store/effects/effects.ts";
import { houseTables } from "../../store/house/house.ts";
import { keepMail } from "../../store/effects/mail.ts";
import { mailEffect } from "../../store/effects/mail-message.ts";
import { smallAgreement } from "./small-agreement.ts";
import { freshDatabase } from "./world.ts";
import { insertLead } from "./lead-rows.ts";

export const leadSubject = { kind: "lead", id: "ld_ada" } as const;
const HOUR = 3_600_000;

// eslint-disable-next-line typescript/no-explicit-any -- a row is whatever the test selected, and the test says what it expects of it
type Row = any;

export interface RunOptions {
  readonly isLocal?: boolean;
  readonly mail?: MailPort;
  readonly crm?: CrmPort;
  readonly cancelAfterMs?: number;
  readonly timeoutMs?: number;
  readonly leadId?: string;
}

/**
 * A database with two reps, their manager and one lead that is offered to the first, and everything
 * effects need.
 */
export interface EffectWorld {
  readonly pool: Pool;
  readonly crm: CrmPort;
  readonly agreements: Agreements;
  readonly now: () => number;
  setNow(at: number): void;
  /** Empties what tests write and puts the lead back to its offer. */
  reset(): Promise<void>;
  add(effect: Partial<NewEffect> & { key: string }): Promise<void>;
  carryOut(options?: RunOptions): Promise<CarriedOut>;
  /** The same for every lead that has effects. */
  carryOutAll(options?: RunOptions): Promise<void>;
  failure(options?: RunOptions): Promise<ApplicationFailure>;
  all(query: string, values?: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export async function effectWorld(): Promise<EffectWorld> {
  const database = await freshDatabase();
  const pool = openPool(database.url, { max: 24 });
  let now = Date.parse("2026-11-20T12:00:00Z");
  const clock = () => now;
  const crm = createHouseCrm(houseTables(pool, clock));
  const kept = createKeptMail((mail) => keepMail(pool, mail, now));
  await inTransaction(pool, (tx) => activate(tx, "the agreement of this test", "test", now));
  const all = async (query: string, values: unknown[] = []) =>
    (await pool.query(query, values)).rows;
  const carryOut: EffectWorld["carryOut"] = ({
    isLocal = false,
    mail = kept,
    crm: other = crm,
    cancelAfterMs,
    timeoutMs,
    leadId = leadSubject.id,
  } = {}) => {
    const { carryOut: activity } = createEffectActivities(
      createEffects({
        pool,
        crm: crmWithTimeout(other, timeoutMs),
        mail,
        publicUrl: "http://baton.test",
        clock,
      }),
    );
    const environment = new MockActivityEnvironment(
      { isLocal },
      { logger: new DefaultLogger("ERROR") },
    );
    if (cancelAfterMs !== undefined) setTimeout(() => environment.cancel(), cancelAfterMs);
    return environment.run(activity, { ...leadSubject, id: leadId }) as Promise<CarriedOut>;
  };
  return {
    pool,
    crm,
    agreements: createAgreements(() => smallAgreement),
    now: clock,
    all,
    carryOut,
    async carryOutAll(options) {
      const open = await all(
        "select distinct subject_id as id from effect where state = 'open' order by 1",
      );
      for (const { id } of open) await carryOut({ ...options, leadId: id });
    },
    setNow: (at) => {
      now = at;
    },
    async reset() {
      now = Date.parse("2026-11-20T12:00:00Z");
      await pool.query(`truncate lead, process, account, rep, handoff, decision, transition, effect,
        task, inbox, outbox, action, opportunity, kept_mail, connection, crm_link, crm_cursor,
        house_account, house_lead, house_change, house_trouble cascade`);
      await seed(pool, now);
    },
    add: (effect) =>
      addEffect(
        pool,
        {
          subject: leadSubject,
          handoffId: "ho_1",
          ...mailEffect({
            what: "offer",
            repId: "rp_ann",
            stage: "mql",
            clock: "outreach",
            dueAt: now + 3 * HOUR,
            again: false,
          }),
          ...effect,
        },
        now,
      ),
    failure: async (options) => {
      const error: unknown = await carryOut(options).then(
        () => {
          throw new Error("nothing failed");
        },
        (thrown: unknown) => thrown,
      );
      return error as ApplicationFailure;
    },
    async close() {
      await pool.end();
      await database.drop();
    },
  };
}

async function seed(pool: Pool, now: number): Promise<void> {
  const at = new Date(now);
  const fact = (value: unknown) => ({
    value,
    from: "form",
    at: new Date(now - HOUR).toISOString(),
  });
  await pool.query(
    `insert into rep (id, name, email, role, manager_id, hours, updated_at) values
    ('rp_mia', 'Mia Manager', 'mia@sales.test', 'manager', null, null, $1),
    ('rp_ann', 'Ann Rep', 'ann@sales.test', 'rep', 'rp_mia',
      '{"zone":"America/New_York","week":{"mon":["09:00-17:00"]}}', $1),
    ('rp_bob', 'Bob Rep', 'bob@sales.test', 'rep', 'rp_mia', null, $1)`,
    [at],
  );
  await pool.query(
    "insert into account (id, domain, facts, created_at) values ('ac_eng', 'engines.test', $1, $2)",
    [{ "account.name": fact("Analytical Engines") }, at],
  );
  await insertLead(pool, at, {
    id: "ld_ada",
    account_id: "ac_eng",
    email: "ada@engines.test",
    source: "website",
    facts: {
      "lead.name": fact("Ada <Lovelace>"),
      "lead.email": fact("ada@engines.test"),
      "lead.phone": fact("+44 1"),
    },
    stage: "mql",
    waiting_on: "outreach",
    owner_id: "rp_ann",
    due_at: new Date(now + 3 * HOUR),
    next_step: "half of the time is used up",
    next_at: new Date(now + HOUR / 2),
    lead_type: "demo-request",
    band: "A",
    handoff_id: "ho_1",
  });
  await pool.query(
    `
      insert into handoff (id, subject_kind, subject_id, cycle, agreement_id, lead_type, path,
        priority, band, fit, intent, icp, rep_id, round, mql_at)
    select 'ho_1', 'lead', 'ld_ada', 1, id, 'demo-request', 'fast', 1, 'A', 30, 40, true, 'rp_ann',
      1, $1 from agreement_version`,
    [at],
  );
}

import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { agreementOf } from "../../../agreement/stored.ts";
import { createApp } from "../../../api/app.ts";
import type { Routes } from "../../../api/deps.ts";
import { problemCodes } from "../../../api/http/errors.ts";
import { connectTemporal } from "../../../api/temporal.ts";
import { createAgreements } from "../../../store/process/agreements.ts";
import { rows, sql, type Pool } from "../../../store/postgres/db.ts";
import {
  peopleWorld,
  unsignedAgreement,
  type PeopleWorld,
  type Persona,
} from "../../support/people-world.ts";

/** What the addresses of the routes name, by word: `/leads/{lead}`. */
export type Things = Readonly<
  Record<
    | "lead"
    | "account"
    | "task"
    | "conflict"
    | "review"
    | "resolution"
    | "houseLead"
    | "houseOpportunity"
    | "houseTask"
    | "houseAccount"
    | "agreement"
    | "import"
    | "mail",
    string
  >
>;

export interface Told {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test looks into whatever came back
  readonly body: any;
  readonly text: string;
}
export interface Sent {
  readonly as?: Persona | null;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream | undefined;
}

export interface HostileWorld {
  readonly people: PeopleWorld;
  readonly app: Routes;
  readonly things: Things;
  readonly secret: string;
  /** Sends what it is given, byte for byte; JSON unless the headers say otherwise. */
  send(method: string, path: string, sent?: Sent): Promise<Told>;
  /** The address with the things of this world in its places. */
  at(template: string): string;
  /** Rows and checksum of every table: equal when nothing at all was written. */
  snapshot(): Promise<Readonly<Record<string, string>>>;
  close(): Promise<void>;
}

/** The whole API with something behind every address, on a database of its own. */
export async function hostileWorld(): Promise<HostileWorld> {
  // A version is published at once only where nobody signs.
  const people = await peopleWorld({ agreement: unsignedAgreement });
  const { pool } = people;
  const secret = `whsec_${randomBytes(24).toString("base64")}`;
  // Nothing listens on port 1: no answer here may depend on Temporal.
  const temporal = connectTemporal({
    address: "127.0.0.1:1",
    namespace: "default",
    reachableMs: 40,
  });
  const app = createApp({
    ...people.pools,
    agreements: createAgreements(agreementOf),
    temporal,
    clock: () => people.now(),
    publicUrl: "http://baton.test",
    log: pino({ level: process.env["LOG_LEVEL"] ?? "silent" }),
    webhookSecrets: { house: [secret] },
    mayRehearse: true,
    timeoutMs: 1_500,
  });
  const things = await addThings(people, pool);
  return {
    people,
    app,
    things,
    secret,
    at: (template) =>
      template.replace(/\{(\w+)\}/g, (_, name: string) => things[name as keyof Things]),
    async send(method, path, { as = "operator", headers = {}, body } = {}) {
      const response = await app.request(path, {
        method,
        headers: {
          ...(as === null ? {} : { authorization: `Bearer ${people.token(as)}` }),
          ...(typeof body === "string" ? { "content-type": "application/json" } : {}),
          ...headers,
        },
        ...(body === undefined ? {} : { body, duplex: "half" }),
      });
      const text = await response.text();
      return {
        status: response.status,
        text,
        body: /json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : text,
      };
    },
    async snapshot() {
      const names = await rows<{ t: string }>(
        pool,
        sql`
          select table_name as t from information_schema.tables where table_schema = 'public'
            and table_type = 'BASE TABLE' order by 1`,
      );
      const each = names.map(
        ({ t }) =>
          "(select count(*) || ' ' || coalesce(md5(string_agg(r::text, '|' order by r::text)), " +
          `'') from ${rowsOf(t)} r) as "${t}"`,
      );
      return (
        (
          await rows<Record<string, string>>(pool, {
            text: `select ${each.join(", ")}`,
            values: [],
          })
        )[0] ?? {}
      );
    },
    async close() {
      await temporal.close();
      await people.close();
    },
  };
}

/** That something was denied is on record, and is no change. */
function rowsOf(table: string): string {
  return table === "audit" ? "(select * from audit where what <> 'access.denied')" : `"${table}"`;
}

/** The codes that may stand in a 4xx. */
export const clientCodes = new Set(
  Object.entries(problemCodes).flatMap(([code, [status]]) => (status < 500 ? [code] : [])),
);

/** What the built-in CRM shows of a company that is handed off. */
const shownOfAccount = {
  status: "mql",
  statusSince: Date.parse("2026-11-23T15:00:00Z"),
  cycle: 1,
  round: 1,
  ownerId: "rp_one",
  queue: null,
  leadType: "account-flag",
  dueAt: null,
  slaState: "running",
  reason: null,
  agreement: null,
};

async function addThings(people: PeopleWorld, pool: Pool): Promise<Things> {
  const at = new Date(people.now());
  const lead = await people.lead("rp_one");
  await pool.query(
    sql`
      insert into task (id, kind, subject_kind, subject_id, role, since)
        values ('tk_hostile', 'crm-drift', 'lead', ${lead}, 'sales-ops', ${at})`,
  );
  const other = await people.lead("rp_two");
  await pool.query(
    sql`insert into account (id, domain, created_at)
      values ('ac_hostile', 'hostile.com', ${at}), ('ac_hostileother', 'hostile-other.com', ${at})`,
  );
  await pool.query(
    sql`insert into lead_conflict (lead_id, other_id, kind, since)
      values (${lead}, ${other}, 'email', ${at})`,
  );
  await pool.query(
    sql`
      insert into task (id, kind, subject_kind, subject_id, role, since, detail)
        values ('tk_conflict', 'conflict', 'lead', ${lead}, 'sales-ops', ${at},
        ${{ others: [other] }})`,
  );
  const packet = {
    reviewer: "marketing",
    calendar: "new-york",
    zone: "America/New_York",
    leads: 1,
    suggestions: { keep: 1, return: 0, retire: 0 },
    reasons: {},
  };
  await pool.query(
    sql`
      insert into review (id, kind, period, state, packet, opened_at, due_at)
        values ('rv_hostile', 'quarterly', '2026-Q4', 'open', ${packet}, ${at}, ${at})`,
  );
  await pool.query(
    sql`
      insert into review_decision (review_id, subject_id, suggestion)
        values ('rv_hostile', ${lead}, 'keep')`,
  );
  const figures = {
    sections: [],
    proposals: [
      {
        kind: "recurring-reason",
        about: "wrong-role",
        readers: "both teams",
        rules: ["requiredFields: lead.role"],
        title: "Ask for the role",
      },
    ],
  };
  await pool.query(
    sql`
      insert into review_figures (review_id, from_at, to_at, figures, hash)
        values ('rv_hostile', ${at}, ${at}, ${figures}, 'of no importance')`,
  );
  await pool.query(
    sql`
      insert into resolution (id, review_id, body, owner, due_on, due_at, remind_at, made_by,
        made_at)
        values ('rs_hostile', 'rv_hostile', 'Call them', 'rp_one', '2027-02-28', ${at}, ${at},
        'rp_boss', ${at})`,
  );
  await pool.query(
    sql`
      insert into house_account (id, external_id, handoff, changed_at)
        values ('HA-1', 'ac_hostile', ${JSON.stringify(shownOfAccount)}::jsonb, ${at})`,
  );
  await pool.query(
    sql`
      insert into house_lead (id, external_id, account_id, status, status_since, changed_at)
        values ('HL-1', ${lead}, 'HA-1', 'mql', ${at}, ${at}),
        ('HL-2', null, null, 'mql', ${at}, ${at})`,
  );
  await pool.query(
    sql`insert into crm_link (crm, kind, our_id, crm_id) values ('house', 'lead', ${lead}, 'HL-1')`,
  );
  await pool.query(
    sql`
      insert into house_task (id, key, lead_id, subject, state, changed_at)
        values ('HT-1', 'a task', 'HL-1', 'Call', 'open', ${at})`,
  );
  await pool.query(
    sql`
      insert into house_opportunity (id, lead_id, stage, created_at, changed_at)
        values ('HO-1', 'HL-1', 'open', ${at}, ${at})`,
  );
  await pool.query(
    sql`
      insert into import (id, file_hash, map_hash, map, state, started_at)
        values ('im_hostile', 'a file', 'a map', '{}', 'done', ${at})`,
  );
  await pool.query(
    sql`
      insert into kept_mail (message_id, recipient, subject, body_text, body_html, sent_at)
        values ('<mail@baton>', 'one@example.com', 'A lead', 'Call.', '<p>Call.</p>', ${at})`,
  );
  const version =
    (await rows<{ id: string }>(pool, sql`select id from agreement_version`))[0]?.id ?? "";
  return {
    lead,
    task: "tk_hostile",
    conflict: "tk_conflict",
    review: "rv_hostile",
    resolution: "rs_hostile",
    houseLead: "HL-1",
    houseOpportunity: "HO-1",
    houseTask: "HT-1",
    account: "ac_hostile",
    houseAccount: "HA-1",
    agreement: version,
    import: "im_hostile",
    mail: "mail@baton",
  };
}

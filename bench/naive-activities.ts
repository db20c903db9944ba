import type pg from "pg";
import type { NaiveActivities, NaiveAnswer, NaiveOffer, NaiveOutreach } from "./naive-workflow.ts";

/** The tables that such an application would have: its own rows, a CRM's, and sent mail. */
const tables = `
  create table naive_rep (
    id text primary key, name text not null, email text not null, weight int not null,
    offers int not null default 0);
  create table naive_lead (
    id text primary key, email text not null unique, facts jsonb not null,
    engagements jsonb not null, created_at timestamptz not null default now(),
    stage text not null default 'new', fit int, intent int, owner_id text references naive_rep);
  create table naive_handoff (
    id bigint generated always as identity primary key,
    lead_id text not null unique references naive_lead, rep_id text not null references naive_rep,
    offered_at timestamptz not null default now(), outreach_due_at timestamptz not null,
    answer_due_at timestamptz not null, escalated_at timestamptz, outreach_at timestamptz,
    accepted_at timestamptz, fit_rating int);
  create index on naive_handoff (rep_id) where accepted_at is null;
  create table naive_outreach (
    id text primary key, handoff_id bigint not null references naive_handoff, by_id text not null,
    channel text not null, outcome text not null, at timestamptz not null default now());
  create index on naive_outreach (handoff_id);
  create table naive_crm_account (domain text primary key, name text, employees int, country text);
  create table naive_crm_lead (
    lead_id text primary key, account text references naive_crm_account, email text not null,
    facts jsonb not null, status text not null, owner_id text, version int not null default 1,
    changed_at timestamptz not null default now());
  create table naive_crm_task (
    lead_id text primary key references naive_crm_lead, subject text not null,
    owner_id text, due_at timestamptz, state text not null);
  create table naive_crm_note (
    lead_id text primary key references naive_crm_lead, body text not null);
  create table naive_mail (
    message_id text primary key, rep_id text not null, recipient text not null,
    subject text not null, body text not null, sent_at timestamptz not null default now());`;

const hour = 3_600_000;
const outreachWithinMs = hour;
const answerWithinMs = 24 * hour;

/** Makes the tables and puts these reps into them; every third has the same weight. */
export async function openNaive(pool: pg.Pool, reps: readonly string[]): Promise<void> {
  await pool.query(tables);
  const weights = reps.map((_, n) => 1 + (n % 3));
  await pool.query(
    `insert into naive_rep (id, name, email, weight)
    select id, 'Bench ' || id, id || '@example.com', weight
    from unnest($1::text[], $2::int[]) as r(id, weight)`,
    [reps, weights],
  );
}

/** The steps of the naive handoff on its tables. */
export function naiveActivities(pool: pg.Pool): NaiveActivities {
  return {
    qualify: (leadId) => qualify(pool, leadId),
    route: (leadId) => route(pool, leadId),
    writeCrm: (leadId) => writeCrm(pool, leadId),
    mailOffer: (handoffId) => mailOffer(pool, handoffId),
    async escalate(handoffId) {
      await pool.query(
        "update naive_handoff set escalated_at = coalesce(escalated_at, now()) where id = $1",
        [handoffId],
      );
    },
    logOutreach: (handoffId, outreach) => logOutreach(pool, handoffId, outreach),
    accept: (handoffId, answer) => accept(pool, handoffId, answer),
  };
}

interface LeadRow {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly engagements: readonly { readonly type: string; readonly occurredAt: string }[];
}

/** Points for who the lead is and for what it did, halved every thirty days. */
async function qualify(pool: pg.Pool, leadId: string): Promise<boolean> {
  const { rows } = await pool.query<LeadRow>(
    "select facts, engagements from naive_lead where id = $1",
    [leadId],
  );
  const lead = rows[0];
  if (!lead) throw new Error(`there is no lead ${leadId}`);
  const employees = Number(lead.facts["account.employees"] ?? 0);
  const fit =
    (employees >= 50 ? 20 : 0) +
    (lead.facts["account.country"] === "US" ? 10 : 0) +
    (lead.facts["lead.role"] === "buyer" ? 10 : 0);
  const pointsOf = (type: string) => (type === "demo_request" ? 40 : 5);
  const intent = Math.round(
    lead.engagements.reduce((sum, { type, occurredAt }) => {
      const days = (Date.now() - Date.parse(occurredAt)) / (24 * hour);
      return sum + pointsOf(type) * 0.5 ** (days / 30);
    }, 0),
  );
  const isQualified = fit >= 30 && intent >= 20;
  await pool.query("update naive_lead set stage = $2, fit = $3, intent = $4 where id = $1", [
    leadId,
    isQualified ? "mql" : "nurture",
    fit,
    intent,
  ]);
  return isQualified;
}

/** The rep with the fewest offers for his weight gets the lead; one transaction. */
async function route(pool: pg.Pool, leadId: string): Promise<NaiveOffer> {
  return inTransaction(pool, async (tx) => {
    const before = await tx.query<{ id: string; rep_id: string }>(
      "select id::text, rep_id from naive_handoff where lead_id = $1",
      [leadId],
    );
    const known = before.rows[0];
    if (known) return offerOf(known.id, known.rep_id);
    const picked = await tx.query<{ id: string }>(`
      update naive_rep set offers = offers + 1
      where id = (select id from naive_rep order by offers::float / weight, id limit 1 for update)
      returning id`);
    const repId = picked.rows[0]?.id;
    if (repId === undefined) throw new Error("there is no rep");
    const made = await tx.query<{ id: string }>(
      `
      insert into naive_handoff (lead_id, rep_id, outreach_due_at, answer_due_at)
      values ($1, $2, $3, $4) returning id::text`,
      [leadId, repId, after(outreachWithinMs), after(answerWithinMs)],
    );
    await tx.query("update naive_lead set owner_id = $2 where id = $1", [leadId, repId]);
    return offerOf(made.rows[0]?.id ?? "", repId);
  });
}

function after(ms: number): Date {
  return new Date(Date.now() + ms);
}

function offerOf(id: string, repId: string): NaiveOffer {
  return { handoffId: id, repId, outreachWithinMs, answerWithinMs };
}

interface CrmRow {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly email: string;
  readonly stage: string;
  readonly fit: number;
  readonly intent: number;
  readonly owner_id: string | null;
  readonly answer_due_at: Date;
  readonly accepted_at: Date | null;
}

/** Account, lead, the rep's task and a note, one call each, as an adapter of a CRM makes them. */
async function writeCrm(pool: pg.Pool, leadId: string): Promise<void> {
  const { rows } = await pool.query<CrmRow>(
    `
    select l.facts, l.email, l.stage, l.fit, l.intent, l.owner_id, h.answer_due_at, h.accepted_at
    from naive_lead l join naive_handoff h on h.lead_id = l.id where l.id = $1`,
    [leadId],
  );
  const lead = rows[0];
  if (!lead) throw new Error(`there is no handoff of ${leadId}`);
  const { facts } = lead;
  const account = facts["account.domain"];
  await pool.query(
    `
    insert into naive_crm_account (domain, name, employees, country) values ($1, $2, $3, $4)
    on conflict (domain) do nothing`,
    [account, facts["account.name"], facts["account.employees"], facts["account.country"]],
  );
  await pool.query(
    `
    insert into naive_crm_lead as c (lead_id, account, email, facts, status, owner_id)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (lead_id) do update set facts = excluded.facts, status = excluded.status,
      owner_id = excluded.owner_id, version = c.version + 1, changed_at = now()`,
    [leadId, account, lead.email, facts, lead.stage, lead.owner_id],
  );
  await pool.query(
    `
    insert into naive_crm_task (lead_id, subject, owner_id, due_at, state)
    values ($1, $2, $3, $4, $5)
    on conflict (lead_id) do update set state = excluded.state`,
    [
      leadId,
      `Accept or reject by ${lead.answer_due_at.toISOString()}`,
      lead.owner_id,
      lead.answer_due_at,
      lead.accepted_at ? "done" : "open",
    ],
  );
  await pool.query(
    "insert into naive_crm_note (lead_id, body) values ($1, $2) on conflict (lead_id) do nothing",
    [leadId, `Handed to sales: fit ${lead.fit}, intent ${lead.intent}.`],
  );
}

interface MailRow {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly lead_id: string;
  readonly rep_id: string;
  readonly rep: string;
  readonly recipient: string;
  readonly outreach_due_at: Date;
}

/** Keeps the mail to the rep, as Baton does where no mail server is named. */
async function mailOffer(pool: pg.Pool, handoffId: string): Promise<void> {
  const { rows } = await pool.query<MailRow>(
    `
    select l.facts, l.id as lead_id, r.id as rep_id, r.name as rep, r.email as recipient,
      h.outreach_due_at
    from naive_handoff h join naive_lead l on l.id = h.lead_id join naive_rep r on r.id = h.rep_id
    where h.id = $1`,
    [handoffId],
  );
  const one = rows[0];
  if (!one) throw new Error(`there is no handoff ${handoffId}`);
  const who = `${String(one.facts["lead.name"])} (${String(one.facts["account.name"])})`;
  const due = one.outreach_due_at.toISOString();
  const body = [
    `${one.rep}, ${who} is yours. Outreach is due by ${due}.`,
    "",
    `Title: ${String(one.facts["lead.title"])}`,
    `E-mail: ${String(one.facts["lead.email"])}`,
    `Source: ${String(one.facts["lead.source"])}`,
    "",
    "Reach out and log the attempt; then accept the lead, or reject it with a reason.",
    "",
    `Open the lead: http://naive.test/leads/${one.lead_id}`,
  ].join("\n");
  await pool.query(
    `
    insert into naive_mail (message_id, rep_id, recipient, subject, body)
    values ($1, $2, $3, $4, $5) on conflict (message_id) do nothing`,
    [`<offer-${handoffId}@naive>`, one.rep_id, one.recipient, `New lead: ${who}, due ${due}`, body],
  );
}

async function logOutreach(
  pool: pg.Pool,
  handoffId: string,
  { id, by, channel, outcome }: NaiveOutreach,
): Promise<void> {
  await inTransaction(pool, async (tx) => {
    await tx.query(
      `
      insert into naive_outreach (id, handoff_id, by_id, channel, outcome)
      values ($1, $2, $3, $4, $5) on conflict (id) do nothing`,
      [id, handoffId, by, channel, outcome],
    );
    await tx.query(
      "update naive_handoff set outreach_at = coalesce(outreach_at, now()) where id = $1",
      [handoffId],
    );
  });
}

async function accept(pool: pg.Pool, handoffId: string, { fitRating }: NaiveAnswer): Promise<void> {
  await inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<{ lead_id: string }>(
      `
      update naive_handoff set accepted_at = coalesce(accepted_at, now()), fit_rating = $2
      where id = $1 returning lead_id`,
      [handoffId, fitRating],
    );
    await tx.query("update naive_lead set stage = 'sal' where id = $1", [rows[0]?.lead_id]);
  });
}

async function inTransaction<T>(
  pool: pg.Pool,
  work: (tx: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const tx = await pool.connect();
  try {
    await tx.query("begin");
    const result = await work(tx);
    await tx.query("commit");
    return result;
  } catch (error) {
    await tx.query("rollback");
    throw error;
  } finally {
    tx.release();
  }
}

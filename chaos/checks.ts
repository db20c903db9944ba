import { Client, Connection, WorkflowNotFoundError } from "@temporalio/client";
import { verifyDecisions } from "../cli/commands/verify.ts";
import { isClosed, mayGo, stages, waits, type Stage } from "../handoff/stage.ts";
import { firstRow, rows, sql, type Pool } from "../store/postgres/db.ts";
import { leadWorkflowId } from "../workflows/contract.ts";
import { ask } from "./ask.ts";
import { checkMail } from "./check-mail.ts";
import type { RehearsalLedger } from "./ledger.ts";
import type { Rehearsed } from "./world.ts";

/**
 * Everything that was acknowledged against everything that is stored. Gives each breach in words;
 * none is the aim.
 */
export async function checkAll(world: Rehearsed, ledger: RehearsalLedger): Promise<string[]> {
  const { pool } = world;
  return [
    ...ledger.breaches,
    ...[...ledger.open].slice(0, 5).map((key) => `request ${key} never got a final answer`),
    ...Object.values(world.processes).flatMap((one) =>
      one.unasked.map((how) => `a process ended by itself: ${how}`),
    ),
    ...(await checkLeads(pool, ledger)),
    ...(await checkActions(pool, ledger)),
    ...(await checkFacts(pool, ledger)),
    ...(await checkStages(pool)),
    ...(await checkOffers(pool)),
    ...(await checkCrm(pool)),
    ...(await checkMail(pool, world.smtp.received)),
    ...(await checkProcesses(world)),
    ...(await checkConservation(world)),
    ...(await checkDecisions(pool)),
  ];
}

async function checkLeads(pool: Pool, { leads }: RehearsalLedger): Promise<string[]> {
  const stored = new Map(
    (await rows<{ id: string; email: string | null }>(pool, sql`select id, email from lead`)).map(
      (row) => [row.id, row.email],
    ),
  );
  return [
    ...leads
      .filter((one) => stored.get(one.id) !== one.email)
      .map((one) => `lead ${one.id} was acknowledged and is not there as it was sent`),
    ...(stored.size === leads.length
      ? []
      : [`${leads.length} leads were acknowledged, ${stored.size} are stored`]),
  ];
}

/** One decision, one row of its kind for each acknowledged action, and not one more. */
async function checkActions(pool: Pool, { actions, pairs }: RehearsalLedger): Promise<string[]> {
  const found: string[] = [];
  const done = actions.filter((one) => one.done);
  const stored = await rows<{
    id: string;
    done: boolean | null;
    decisions: number;
    traces: number;
  }>(
    pool,
    sql`
    select a.id, (a.result->>'done')::boolean as done, (select count(*)::int from decision d
      where d.action_id = a.id) as decisions,
      (select count(*)::int from outreach o where o.id = a.id) + (select count(*)::int from answer w
        where w.id = a.id) as traces
    from action a where a.via = 'api'`,
  );
  const byId = new Map(stored.map((row) => [row.id, row]));
  for (const one of done) {
    const row = byId.get(one.id ?? "");
    if (row?.done !== true) found.push(`${one.name} ${one.id} was acknowledged and is not done`);
    else if (row.decisions !== 1 || row.traces !== 1)
      found.push(
        `${one.name} ${one.id} took effect ${row.decisions} times and left ${row.traces} rows`,
      );
  }
  const applied = stored.filter((row) => row.done === true).length;
  if (applied !== done.length)
    found.push(`${done.length} actions were acknowledged, ${applied} were carried out`);
  const refusedYetApplied = stored.filter(
    (row) => row.done !== true && row.decisions + row.traces > 0,
  );
  found.push(...refusedYetApplied.map((row) => `action ${row.id} was refused and left a trace`));
  const won = new Set(done.map((one) => one.key));
  found.push(
    ...pairs
      .filter(([a, b]) => won.has(a) && won.has(b))
      .map(([a]) => `both accepts of ${a} were told that they had won`),
  );
  const twice = await rows<{ handoff_id: string }>(
    pool,
    sql`
      select handoff_id from answer where kind = 'accept' group by handoff_id having count(*) > 1`,
  );
  return [...found, ...twice.map((row) => `handoff ${row.handoff_id} was accepted twice`)];
}

async function checkFacts(pool: Pool, { facts }: RehearsalLedger): Promise<string[]> {
  const stored = new Map(
    (
      await rows<{ id: string; facts: Record<string, { value: unknown }> }>(
        pool,
        sql`select id, facts from lead`,
      )
    ).map((row) => [row.id, row.facts]),
  );
  return facts
    .filter((one) => stored.get(one.lead)?.[one.fact]?.value !== one.value)
    .map((one) => `${one.fact} of ${one.lead} was acknowledged and is not what was told`);
}

async function checkStages(pool: Pool): Promise<string[]> {
  const leads = await rows<{ id: string; stage: Stage; waiting_on: string }>(
    pool,
    sql`select id, stage, waiting_on from lead_standing`,
  );
  const undeclared = leads.filter(
    ({ stage, waiting_on }) =>
      !stages.includes(stage) || !(waits[stage] as readonly string[]).includes(waiting_on),
  );
  const moves = await rows<{ subject_id: string; from_stage: Stage; to_stage: Stage }>(
    pool,
    sql`select subject_id, from_stage, to_stage from transition where from_stage is not null`,
  );
  return [
    ...undeclared.map(
      (one) =>
        `lead ${one.id} is ${one.stage}, waiting on ${one.waiting_on}, which no table declares`,
    ),
    ...moves
      .filter((move) => !mayGo(move.from_stage, move.to_stage))
      .map((move) => `lead ${move.subject_id} went from ${move.from_stage} to ${move.to_stage}`),
  ];
}

/**
 * An open handoff with a rep has one open offer, a closed one has none; every pool's turns sum to
 * 0.
 */
async function checkOffers(pool: Pool): Promise<string[]> {
  const astray = await rows<{ id: string; state: string; open: number }>(
    pool,
    sql`
    select h.id, h.state, count(a.round)::int as open from handoff h
    left join assignment a on a.handoff_id = h.id and a.ended_at is null
    group by h.id having count(a.round) <> case when h.state = 'open' and h.rep_id is not null
      then 1 else 0 end
      and not (h.state = 'open' and h.rep_id is null)`,
  );
  const unequal = await rows<{ pool: string; lead_type: string; sum: string }>(
    pool,
    sql`
    select pool, lead_type, sum(millionths) as sum from credit group by pool, lead_type
      having sum(millionths) <> 0`,
  );
  return [
    ...astray
      .slice(0, 5)
      .map((one) => `handoff ${one.id} is ${one.state} with ${one.open} open offers`),
    ...unequal.map((one) => `turns of ${one.pool} for ${one.lead_type} sum to ${one.sum}`),
  ];
}

/** The CRM holds each lead, note and opportunity once, and says what Postgres says. */
async function checkCrm(pool: Pool): Promise<string[]> {
  const astray = await rows<{ id: string; stage: string; status: string | null }>(
    pool,
    sql`
    select l.id, l.stage, h.status from lead_standing l left join house_lead h
      on h.external_id = l.id
    where h.id is null or h.status <> l.stage or h.owner_id is distinct from l.owner_id`,
  );
  const counts = await firstRow<
    Record<
      "records" | "leads" | "notes" | "handoffs" | "deals" | "opportunities" | "failed",
      number
    >
  >(
    pool,
    sql`
    select (select count(*)::int from house_lead) as records,
      (select count(*)::int from lead) as leads,
      (select count(*)::int from house_note where key like '%/handoff') as notes,
        (select count(*)::int from handoff) as handoffs,
      (select count(*)::int from house_opportunity) as deals,
        (select count(*)::int from opportunity) as opportunities,
      (select count(*)::int from effect where state = 'failed') as failed`,
  );
  const tasks = await rows<{ kind: string; state: string; why: string; n: number }>(
    pool,
    sql`
    select kind, state, concat_ws(', ', detail->>'why', detail->>'problems') as why,
      count(*)::int as n from task
    where kind in ('dead-letter', 'crm-drift') group by 1, 2, 3`,
  );
  if (!counts) return ["the CRM could not be counted"];
  return [
    ...astray
      .slice(0, 5)
      .map((one) => `the CRM has ${one.id} as ${one.status ?? "missing"}, it is ${one.stage}`),
    ...(counts.records === counts.leads
      ? []
      : [`${counts.records} CRM records for ${counts.leads} leads`]),
    ...(counts.notes === counts.handoffs
      ? []
      : [`${counts.notes} handoff notes in the CRM for ${counts.handoffs} handoffs`]),
    ...(counts.deals === counts.opportunities
      ? []
      : [`${counts.deals} opportunities in the CRM for ${counts.opportunities}`]),
    ...(counts.failed === 0 ? [] : [`${counts.failed} effects failed for good`]),
    ...tasks.map((one) => `${one.n} tasks ${one.kind}, ${one.state}: ${one.why}`),
  ];
}

/** Asked of Temporal itself, not of its lists, which lag. */
async function checkProcesses(world: Rehearsed): Promise<string[]> {
  const { pool, temporalAddress, temporalNamespace: namespace } = world;
  const open = await rows<{ id: string; stage: Stage; next_step: string | null }>(
    pool,
    sql`select id, stage, next_step from lead_standing`,
  );
  const connection = await Connection.connect({ address: temporalAddress });
  const client = new Client({ connection, namespace });
  const found: string[] = [];
  try {
    for (const lead of open) {
      const status = await client.workflow
        .getHandle(leadWorkflowId(lead.id))
        .describe()
        .then(
          (one) => one.status.name,
          (error: unknown) => {
            if (error instanceof WorkflowNotFoundError) return "missing";
            throw error;
          },
        );
      const wanted = isClosed(lead.stage) ? "COMPLETED" : "RUNNING";
      if (status !== wanted)
        found.push(`the process of ${lead.id}, which is ${lead.stage}, is ${status}`);
      if (!isClosed(lead.stage) && !lead.next_step) found.push(`${lead.id} has no next step`);
    }
  } finally {
    await connection.close();
  }
  return found;
}

interface Report {
  readonly days: readonly {
    readonly day: string;
    readonly stage: string;
    readonly residue: number;
  }[];
  readonly totals: { readonly residue: number };
  readonly accounts: {
    readonly residue: number;
    readonly astray: { readonly count: number };
    readonly adrift: { readonly count: number };
    readonly withoutProcess: { readonly count: number } | null;
  };
  readonly astray: { readonly count: number };
  readonly withoutOwner: { readonly count: number };
  readonly withoutNextStep: { readonly count: number };
  readonly withoutProcess: { readonly count: number } | null;
  readonly broken: { readonly count: number } | null;
}

async function checkConservation({ url, tokens }: Rehearsed): Promise<string[]> {
  const answer = await ask(url, {
    method: "GET",
    path: "/reports/conservation",
    token: tokens.operator,
  });
  if (answer.kind !== "answer" || answer.status !== 200)
    return [`GET /reports/conservation: ${JSON.stringify(answer)}`];
  const report = answer.body as unknown as Report;
  const counts = {
    ...report,
    withoutProcess: report.withoutProcess ?? { count: -1 },
    broken: report.broken ?? { count: -1 },
  };
  return [
    ...report.days
      .filter((one) => one.residue !== 0)
      .map((one) => `conservation: ${one.day} ${one.stage} leaves ${one.residue}`),
    ...(report.totals.residue === 0
      ? []
      : [`conservation: the totals leave ${report.totals.residue}`]),
    ...[
      report.accounts.residue,
      report.accounts.astray.count,
      report.accounts.adrift.count,
      report.accounts.withoutProcess?.count ?? 0,
    ]
      .filter((n) => n !== 0)
      .map((n) => `conservation: accounts leave ${n}`),
    ...(["astray", "withoutOwner", "withoutNextStep", "withoutProcess", "broken"] as const)
      .filter((name) => counts[name].count !== 0)
      .map((name) => `conservation: ${name} ${counts[name].count}`),
  ];
}

async function checkDecisions(pool: Pool): Promise<string[]> {
  const { judged, routings, older, differences } = await verifyDecisions(pool);
  return [
    ...(judged > 0 && routings > 0
      ? []
      : [`verify judged ${judged} decisions and ${routings} routings`]),
    ...(older === 0 ? [] : [`${older} decisions were stored without their situation`]),
    ...differences
      .slice(0, 5)
      .map((one) => `verify: ${one.of}: ${one.at} was ${one.stored} and is ${one.now}`),
  ];
}

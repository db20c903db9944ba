import { exampleAgreement } from "../support/example-agreement.ts";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  actions,
  isClosed,
  mayAct,
  mayGo,
  waits,
  type ActionName,
  type Stage,
} from "../../handoff/stage.ts";
import type { ActionBodies } from "../../handoff/process/event.ts";
import { firstRow, inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { saveFacts } from "../../store/intake/intake.ts";
import { leadSignal, enqueue } from "../../store/postgres/outbox.ts";
import type { LeadRow } from "../../store/process/subject.ts";
import { isNewer, type ActionResult, type Standing } from "../../handoff/process/words.ts";
import { seededRandom } from "../support/generated-leads.ts";
import { leadWorld, type LeadWorld } from "../support/lead-world.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1_000_000));
const wanted = Number(process.env["ACTIONS"] ?? 10_000);
const walkers = 10;
const reps = ["rp_one", "rp_two", "rp_three", "rp_four"];

let world: LeadWorld;
beforeAll(async () => {
  world = await leadWorld({ reps });
}, 120_000);
afterAll(() => world?.close(), 60_000);

/**
 * Where each action may lead, besides staying: written from docs/process.md, not read from the code
 * that does it.
 */
const leadsTo: { readonly [A in ActionName]: readonly Stage[] } = {
  logOutreach: [],
  accept: ["sal"],
  reject: ["renurture", "disqualified", "new"],
  advance: ["sql", "opportunity"],
  handBack: ["renurture"],
  reassign: [],
  pause: [],
  resume: [],
  decideContest: ["renurture", "disqualified", "new"],
  decideReview: ["mql", "disqualified"],
};

const tally = { done: 0, declined: 0, refused: 0, ended: 0, lives: 0 };
const seen = new Set<string>();

/** Everything that is on record about a lead, but for the action itself and the audit trail. */
async function record(leadId: string): Promise<unknown> {
  const [row] = await rows<{ all: Record<string, unknown> }>(
    world.pool,
    sql`
    select json_build_object(
      'lead', (select to_jsonb(l) - 'step' - 'next_step' - 'next_at' - 'crm_id' from lead_standing l
        where id = ${leadId}),
      'handoffs', (select json_agg(h order by h.id) from handoff h where subject_id = ${leadId}),
      'clocks', (select json_agg(json_build_array(c.id, c.state, c.due_at, c.ended_at,
        c.breached_at, c.rung, c.warned) order by c.id) from clock c join handoff h
        on h.id = c.handoff_id where h.subject_id = ${leadId}),
      'events', (select count(*) from clock_event e join clock c on c.id = e.clock_id join handoff h
        on h.id = c.handoff_id where h.subject_id = ${leadId}),
      'assignments', (select json_agg(a order by a.handoff_id, a.round) from assignment a
        join handoff h on h.id = a.handoff_id where h.subject_id = ${leadId}),
      'answers', (select count(*) from answer a join handoff h on h.id = a.handoff_id
        where h.subject_id = ${leadId}),
      'outreach', (select count(*) from outreach o join handoff h on h.id = o.handoff_id
        where h.subject_id = ${leadId}),
      'tasks', (select json_agg(t order by t.id) from task t where subject_id = ${leadId}),
      'moves', (select count(*) from transition where subject_id = ${leadId}),
      'mails', (select count(*) from effect where subject_id = ${leadId} and kind = 'mail'),
      'syncs', (select count(*) from effect where subject_id = ${leadId} and kind = 'sync-crm'),
      'told', (select count(*) from outbox where workflow_id = ${`lead/${leadId}`}
        and payload ? 'standing'),
      'credits', (select count(*) from credit_entry e join handoff h on h.id = e.handoff_id
        where h.subject_id = ${leadId}),
      'opportunities', (select count(*) from opportunity where lead_id = ${leadId}),
      'decisions', (select count(*) from decision where subject_id = ${leadId})) as all`,
  );
  return row?.all;
}

/**
 * What is refused changes nothing. The process may have decided beside it, about a time or news:
 * then no decision is the refused action's.
 */
async function nothingChanged(leadId: string, before: unknown, place: string): Promise<void> {
  const after = await record(leadId);
  const count = (all: unknown) => (all as { decisions: number }).decisions;
  if (count(after) === count(before)) expect(after, place).toEqual(before);
  const ofRefused = await rows(
    world.pool,
    sql`
    select d.key from decision d join action x on x.id = d.key
    where d.subject_id = ${leadId} and x.result ->> 'done' = 'false'`,
  );
  expect(ofRefused, place).toEqual([]);
}

/** A body that the agreement allows, most of the time. */
function bodyFor(name: ActionName, random: () => number): ActionBodies[ActionName] {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  const today = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  const bodies: { [A in ActionName]: () => ActionBodies[A] } = {
    logOutreach: () => ({
      channel: pick(["call", "email", "message", "meeting"] as const),
      outcome: pick(["attempted", "no_answer", "connected", "meeting_booked", "replied"] as const),
    }),
    accept: () => (random() < 0.5 ? { fitRating: 3 } : {}),
    reject: () =>
      pick([
        { reason: "wrong-role" },
        { reason: "no-authority" },
        { reason: "bad-contact-data" },
        { reason: "below-company-size" },
        { reason: "unsupported-use-case" },
        { reason: "dated-timing", revisitOn: today },
        { reason: "dated-timing" },
        { reason: "unreachable" },
        { reason: "not ready" },
      ]),
    advance: () => pick([{}, { to: "sql" as const }, { to: "opportunity" as const }]),
    handBack: () => ({}),
    reassign: () => pick([{}, { to: pick(reps) }, { to: pick(reps) }, { to: "rp_nobody" }]),
    pause: () => ({ reason: pick(["lead-asked-to-wait", "legal-review", "holiday"]) }),
    resume: () => ({}),
    decideContest: () => ({ decision: pick(["uphold", "overturn"] as const) }),
    decideReview: () => ({
      decision: pick(["keep", "keep", "return", "return", "retire"] as const),
    }),
  };
  return bodies[name]();
}

/** The lead at rest: its row is written a moment before its process knows, so both are asked. */
async function still(leadId: string): Promise<LeadRow> {
  for (const end = Date.now() + 60_000; ;) {
    const lead = await world.until(
      leadId,
      (row) =>
        row.waiting_on !== "assessment" && row.next_step !== "its return conditions are looked at",
    );
    if (isClosed(lead.stage)) return lead;
    const known = await world.handle(leadId).query<Standing | null>("standing");
    // What moves neither stage nor owner nor time the process need not know at once.
    const signalled = await firstRow<Pick<Standing, "cycle" | "step">>(
      world.pool,
      sql`
      select signalled_cycle as cycle, signalled_step as step from process
        where subject_kind = 'lead' and subject_id = ${leadId}`,
    );
    if (
      known?.stage === lead.stage &&
      known.owner === lead.owner_id &&
      known.cycle === lead.cycle &&
      !isNewer(signalled!, known)
    )
      return lead;
    if (Date.now() > end)
      throw new Error(
        `${leadId}: the process knows ${known?.stage}/${known?.waitingOn}, its row says ` +
          `${lead.stage}/${lead.waiting_on}`,
      );
  }
}

/**
 * One lead from arrival to its end, tried at every step with actions that are allowed and actions
 * that are not.
 */
async function live(random: () => number, budget: () => boolean): Promise<void> {
  tally.lives += 1;
  // An account of its own: an opportunity with one suppresses the other leads of the same account.
  const domain = `walk-${tally.lives}.com`;
  const id = await world.arrive({
    email: `kim@${domain}`,
    facts: { "account.domain": domain },
    ...(random() < 0.2 ? { engagements: [] } : {}),
  });
  let row = await still(id);
  while (budget()) {
    const { stage, waiting_on: waitingOn, owner_id: owner } = row;
    seen.add(`${stage}/${waitingOn}`);
    expect(waits[stage] as readonly string[], `${id} is ${stage}`).toContain(waitingOn);
    if (stage === "new") {
      await mend(id);
      row = await world.until(id, (lead) => lead.stage !== "new");
      row = await still(id);
      continue;
    }
    const mayDo = actions.filter((action) => mayAct(stage, waitingOn, action));
    // Three in four are illegal here where anything is legal, so that lives are long and refusals
    // many.
    const isBold = mayDo.length === 0 || random() < 0.6;
    const name = isBold
      ? actions[Math.floor(random() * actions.length)]!
      : mayDo[Math.floor(random() * mayDo.length)]!;
    const isStranger = random() < 0.15;
    const by = isStranger
      ? reps.find((one) => one !== owner)!
      : name === "decideContest" || name === "reassign" || name === "decideReview" || owner === null
        ? "rp_boss"
        : owner;
    const role = by === "rp_boss" ? "manager" : "rep";
    const isAllowed = mayAct(stage, waitingOn, name) && !(role === "rep" && by !== owner);
    const before = await record(id);
    const place = `${id}: ${name} by ${role} ${by} while ${stage}/${waitingOn} of ${owner}`;
    const result: ActionResult = await world.act(id, name, bodyFor(name, random), { by, role });
    if (isClosed(stage) && !mayAct(stage, waitingOn, name)) {
      expect(result, place).toMatchObject({
        done: false,
        code: "not-possible-now",
        stage,
        waitingOn,
        owner,
      });
      await nothingChanged(id, before, place);
      tally.ended += 1;
      if (random() < 0.5) return;
      continue;
    }
    if (!isAllowed) {
      expect(result, place).toMatchObject({
        done: false,
        stage,
        waitingOn,
        owner,
        code: mayAct(stage, waitingOn, name) ? "not-yours" : "not-possible-now",
      });
      await nothingChanged(id, before, place);
      tally.refused += 1;
      continue;
    }
    if (!result.done) {
      // Allowed where the lead stands, but not by the rules.
      expect(result, place).toMatchObject({ stage, waitingOn, owner });
      await nothingChanged(id, before, `${place}: ${result.code}`);
      tally.declined += 1;
      continue;
    }
    tally.done += 1;
    const after = await still(id);
    if (after.stage !== stage) {
      expect(leadsTo[name], `${place} led to ${after.stage}`).toContain(after.stage);
      expect(mayGo(stage, after.stage), `${place} led to ${after.stage}`).toBe(true);
    }
    // Where routing could not be decided at once the answer says so, and the process does it.
    if (result.waitingOn !== "assessment")
      expect(result, place).toMatchObject({ stage: after.stage, owner: after.owner_id });
    row = after;
  }
}

async function mend(id: string): Promise<void> {
  const now = Date.now();
  const email = `mended.${randomBytes(4).toString("hex")}@mended-${randomBytes(4).toString("hex")}.com`;
  await inTransaction(world.pool, async (tx) => {
    await saveFacts(
      tx,
      id,
      { "lead.email": { value: email, from: "person", at: new Date(now).toISOString() } },
      now,
      { agreement: exampleAgreement() },
    );
    await enqueue(tx, leadSignal(id, "signal", "factsChanged", { id: "test" }, 1), now);
  });
}

test(
  `a random walk of ${wanted} actions decided where it arrives never leaves the transition ` +
    "table, and what is refused changes nothing",
  async () => {
    process.stdout.write(`random walk: SEED=${seed}\n`);
    const made = () => tally.done + tally.declined + tally.refused + tally.ended;
    await Promise.all(
      Array.from({ length: walkers }, async (_, n) => {
        const random = seededRandom(seed + n);
        while (made() < wanted) await live(random, () => made() < wanted);
      }),
    );
    process.stdout.write(
      `random walk: ${made()} actions on ${tally.lives} leads: ${JSON.stringify(tally)}; places: ` +
        `${[...seen].sort().join(" ")}\n`,
    );

    const strays = (
      await rows<{ from: Stage; to: Stage }>(
        world.pool,
        sql`
        select distinct from_stage as "from", to_stage as "to" from transition where
          from_stage is not null`,
      )
    ).filter(({ from, to }) => !mayGo(from, to));
    expect(strays).toEqual([]);
    expect(
      await firstRow(
        world.pool,
        sql`
        select count(*)::int as n from lead_standing l
          where stage not in ('opportunity', 'disqualified')
          and (next_step is null or next_step = '')`,
      ),
    ).toEqual({ n: 0 });
    expect(tally.done).toBeGreaterThan(wanted / 10);
    expect(tally.refused).toBeGreaterThan(wanted / 10);
    expect(seen.size).toBeGreaterThan(9);
  },
  1_200_000,
);
